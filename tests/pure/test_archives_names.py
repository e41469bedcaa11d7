"""Names of members: what one system reads otherwise than another is refused in zip and tar archives alike."""

import pytest

from packages.archives.faults import shown
from tests.archives import SDIST_NAME, TOP, WHEEL_NAME, entries_of, faults, raw_zip, sdist_of, tar_member, wheel_files

NAMES = [
    ("/etc/passwd", "absolute path"),
    ("C:/Windows/x", "absolute path"),
    ("c:x", "absolute path"),
    ("demo/../../x", "'..' in its path"),
    ("..", "'..' in its path"),
    ("demo/..", "'..' in its path"),
    ("demo\\x.py", "backslash"),
    ("demo/x\x1b[2J.py", "control characters"),
    ("demo/x\ny.py", "control characters"),
    ("demo//x.py", "empty part"),
    ("demo/./x.py", "empty part or '.'"),
]
WELCOME = ["demo/..x", "demo/x..", "demo/.x", "demo/...", "demo/a:b", "demo/x y.py", "demo/%2e%2e", "demo/'.py"]


@pytest.mark.parametrize(("name", "words"), [*NAMES, ("demo/x\0.py", "control characters")])
def test_a_zip_archive_with_an_odd_name_is_refused(name: str, words: str) -> None:
    found = faults(WHEEL_NAME, raw_zip(entries_of(wheel_files({name: b""}))))
    assert any(words in sentence for sentence in found), found


@pytest.mark.parametrize(("name", "words"), NAMES)
def test_a_tar_archive_with_an_odd_name_is_refused(name: str, words: str) -> None:
    path = name if name.startswith(("/", "C:", "c:")) else f"{TOP}/{name}"
    found = faults(SDIST_NAME, sdist_of(tar_member(path)))
    assert any(words in sentence for sentence in found), found


@pytest.mark.parametrize("name", WELCOME)
def test_names_that_only_look_odd_are_welcome(name: str) -> None:
    assert faults(WHEEL_NAME, raw_zip(entries_of(wheel_files({name: b""})))) == []
    assert faults(SDIST_NAME, sdist_of(tar_member(f"{TOP}/{name}"))) == []


def test_a_name_is_repeated_short_and_clean() -> None:
    assert shown("x" * 100_000) == "'" + "x" * 40 + "…" + "x" * 40 + "'"
    assert shown(b"\xff\x1b[2J" * 1000).isprintable()
    assert shown("a'; do evil\u202e") == "'a?; do evil?'"
