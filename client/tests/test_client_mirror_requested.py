"""What a partial mirror is asked for, and which words of an index may become a path on the disk."""

import pty
from pathlib import Path

import pytest
from tuf.api.metadata import TargetFile

from client.tests.distributions import wheel
from client.tests.homes import Home
from client.tests.hostile_mirror import HostileMirror
from indexsite_client.errors import UsageError, VerificationError
from indexsite_client.mirror.contents import Contents
from indexsite_client.mirror.requested import requested_names, required_names
from indexsite_client.progress import show_progress

FILES = {
    "all.txt": b"""\
# what we run
Flask[async]==3.0 ; python_version > "3.8"  # web
jinja2 \\
    --hash=sha256:00 \\
    --hash=sha256:11
-r more/base.txt
--requirement=all.txt
--only-binary :all:
""",
    "more/base.txt": "\N{BYTE ORDER MARK}Zope.Interface>=5\n-c limits.txt\n".encode(),
    "more/limits.txt": b"six==1.16\n",
}


def test_names_are_read_from_requirements_files_and_those_that_they_include() -> None:
    assert required_names("all.txt", FILES.__getitem__) == {"flask", "jinja2", "zope-interface", "six"}


@pytest.mark.parametrize("line", [b"./local.whl", b"https://host/x.whl", b"a b", b"\xff"])
def test_a_line_that_begins_with_no_name_is_a_wrong_usage(line: bytes) -> None:
    with pytest.raises(UsageError, match=r"x\.txt"):
        required_names("x.txt", lambda _path: b"fine\n" + line)


def test_endless_includes_end() -> None:
    with pytest.raises(UsageError, match="include each other"):
        required_names("1", lambda path: f"-r {int(path) + 1}".encode())


def test_names_on_the_command_line_are_normalized() -> None:
    assert requested_names(["Demo_Lib,six", "a.b c"]) == {"demo-lib", "six", "a-b", "c"}
    with pytest.raises(UsageError):
        requested_names(["../x"])


def target(path: str, **hashes: str) -> TargetFile:
    return TargetFile(1, hashes or {"sha256": "0" * 64}, path)


@pytest.mark.parametrize(
    "bad",
    [
        target("demo-lib/.."),
        target("demo-lib/.htaccess"),
        target("Demo_Lib/index.json"),
        target("../index.json"),
        target("demo-lib/a/index.json"),
        target("demo-lib/demo_lib-1.0.tar.gz", sha256="../x"),
        target("demo-lib/demo_lib-1.0.tar.gz", sha512="0" * 64),
        target("demo-lib/demo_lib-1.0.tar.gz", sha256="0" * 64, sha512="0" * 64),
    ],
    ids=lambda bad: f"{bad.path} {','.join(bad.hashes)}",
)
def test_only_pages_and_distributions_with_one_sha256_are_noted(bad: TargetFile) -> None:
    with Contents() as contents:
        contents.add_targets("bin-0", [target("demo-lib/index.json"), target("demo-lib/demo_lib-1.0.tar.gz")])
        with pytest.raises(VerificationError, match="bin-0"):
            contents.add_targets("bin-0", [bad])
        assert len(contents.targets_of(next(contents.projects()))) == 2


def test_of_two_roles_with_one_target_the_first_counts() -> None:
    with Contents() as contents:
        for role in ("project-demo-lib", "bin-0"):
            contents.add_targets(role, [target("demo-lib/index.json")])
        [found] = contents.targets_of(next(contents.projects())).values()
        assert found.role == "project-demo-lib"


def test_the_command_mirrors_what_a_file_requires_and_says_what_is_withheld(
    trusted: Home, mirror: HostileMirror, tmp_path: Path
) -> None:
    (trusted.folder / "requirements.txt").write_text("demo-lib==1.0\n")
    gone = wheel("demo-lib", "1.1").entry
    for path in [path for path in mirror.served if gone.filename in path]:
        mirror.behaviours[path] = lambda handler: handler.answer(410, b"taken down\n")

    done = trusted.indexsite("mirror", str(tmp_path / "part"), "--requirements", "requirements.txt", "--jobs", "2")
    assert (done.returncode, done.stderr) == (3, "")
    assert gone.filename in done.stdout
    assert not list((tmp_path / "part").glob("*/demo-app"))
    assert trusted.indexsite("verify", "--mirror", str(tmp_path / "part")).returncode == 0
    assert trusted.indexsite("mirror", str(tmp_path / "none"), "--projects", ",").returncode == 2


def test_a_bar_shows_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with show_progress("bytes", 2) as advance:
        advance(2)
    assert capsys.readouterr().err == ""

    ours, theirs = pty.openpty()
    with open(theirs, "w") as terminal, open(ours, "rb", buffering=0) as screen:
        monkeypatch.setattr("sys.stderr", terminal)
        with show_progress("bytes", 2) as advance:
            advance(2)
        terminal.flush()
        assert b"100%" in screen.read(10_000)
