"""Copies of an index against the index: what was added, changed and removed since, and what never may differ."""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.backups import SMALL, run, upload
from tests.conftest import _index_factory
from tests.running import RunningIndex, ask
from tests.test_tuf_init import Home

Said = dict[str, Any]  # Any: the audit's JSON


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Any:  # Any: pytest's generator
    for make in _index_factory(tmp_path_factory.mktemp("index")):
        index = make(**SMALL).start()
        token = index.token()
        upload(index, token, "copied", "1.0")
        upload(index, token, "other", "1.0")
        yield index


@pytest.fixture(scope="module")
def hashes(index: RunningIndex, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of hashes, made at the beginning."""
    path = tmp_path_factory.mktemp("copy") / "hashes"
    assert run(index, "tuf_audit", "--hashes-out", path).returncode == 0
    return path


@pytest.fixture(scope="module")
def mirror(index: RunningIndex, hashes: Path) -> Path:
    """A tree of files, each fetched from where its line says that it is."""
    folder = hashes.parent / "mirror"
    for line in hashes.read_text().splitlines():
        if not line.startswith("#"):
            name = line.split()[1]
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(index.get(f"/{name}").body)
    return folder


def against(index: RunningIndex, copy: Path) -> Said:
    done = run(index, "tuf_audit", "--json", "--against", copy)
    assert done.stdout, done.stderr
    said: Said = json.loads(done.stdout)
    assert done.returncode == (1 if said["findings"] else 0)
    return said


def test_the_file_of_hashes_is_sorted_and_names_what_the_index_serves(hashes: Path, mirror: Path) -> None:
    lines = hashes.read_text().splitlines()
    assert [line.split()[:2] for line in lines[:2]] == [["#", "log"], ["#", "journal"]]
    names = [line.split()[1] for line in lines[2:]]
    assert names == sorted(names)
    assert {"tuf/metadata/1.root.json", "tuf/metadata/timestamp.json"} <= set(names)
    assert len([name for name in names if name.startswith("tuf/targets/copied/")]) == 2
    checked = subprocess.run(["sha256sum", "--check", "--quiet", hashes], cwd=mirror, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr


@pytest.fixture(scope="module")
def real_mirror(index: RunningIndex, mirror: Path) -> Path:
    """What `indexsite mirror` makes."""
    home, folder = Home(mirror.parent / "home"), mirror.parent / "real-mirror"
    trusted = home.indexsite("trust", f"{index.url}/", "--fingerprint", index.fingerprint(), "--development")
    assert trusted.returncode == 0, trusted.stderr
    mirrored = home.indexsite("mirror", folder)
    assert mirrored.returncode == 0, mirrored.stderr
    return folder


def test_a_copy_of_now_is_the_same(
    index: RunningIndex, hashes: Path, mirror: Path, real_mirror: Path, tmp_path: Path
) -> None:
    assert run(index, "backup", tmp_path / "backup").returncode == 0
    assert run(index, "tuf_export", tmp_path / "export").returncode == 0
    for copy in (hashes, mirror, real_mirror, tmp_path / "backup", tmp_path / "export"):
        said = against(index, copy)
        assert (said["findings"], said["differing"]) == ([], []), copy


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("# log", "log-forked"),
        ("# journal", "journal-forked"),
        ("copied-1.0-py3-none-any.whl", "reused-name"),
        (".targets.json", "version-rewritten"),
        (".root.json", "version-rewritten"),
    ],
)
def test_what_never_may_differ_is_found(
    index: RunningIndex, hashes: Path, tmp_path: Path, line: str, code: str
) -> None:
    forged = tmp_path / "forged"
    lines = hashes.read_text().splitlines()
    [chosen] = [each for each in lines if line in each]
    sha256 = max(chosen.split(), key=len) if chosen.startswith("#") else chosen.split()[0]
    forged.write_text("\n".join(each.replace(sha256, "0" * 64) if each == chosen else each for each in lines))
    assert [each["code"] for each in against(index, forged)["findings"]] == [code]


@pytest.mark.parametrize(
    "damage",
    [
        lambda file: file.write_bytes(b"x"),
        lambda file: file.unlink(),
    ],
    ids=["changed", "missing"],
)
def test_a_copy_that_is_damaged_itself_is_found(
    index: RunningIndex, mirror: Path, tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    damaged = shutil.copytree(mirror, tmp_path / "mirror")
    [file] = (damaged / "tuf/targets/copied").glob("*.whl")
    damage(file)
    found = against(index, damaged)
    assert [(each["code"], each["where"]) for each in found["findings"]] == [
        ("reference-damaged", "copied/copied-1.0-py3-none-any.whl")
    ]


@pytest.mark.parametrize("content", ["nothing\n", "a" * 64 + "  elsewhere\n", "\n", "x" * 5000])
def test_what_is_no_copy_is_refused_in_words(index: RunningIndex, tmp_path: Path, content: str) -> None:
    path = tmp_path / "wrong"
    path.write_text(content)
    for copy, words in (
        (path, "Line 1 of"),
        (tmp_path, "is no mirror"),
        (tmp_path / "x", "neither a folder nor a file"),
    ):
        done = run(index, "tuf_audit", "--against", copy)
        assert done.returncode == 1
        assert words in done.stderr
        assert "Traceback" not in done.stderr


def test_a_tree_with_names_that_lead_elsewhere_is_refused(index: RunningIndex, mirror: Path, tmp_path: Path) -> None:
    hostile = shutil.copytree(mirror, tmp_path / "mirror")
    [bin_path] = [each for each in (hostile / "tuf/metadata").iterdir() if b"copied/index.json" in each.read_bytes()]
    bin_path.write_bytes(bin_path.read_bytes().replace(b"copied/index.json", b"../../../etc/passw"))
    done = run(index, "tuf_audit", "--against", hostile)
    assert "which no index of ours does" in done.stderr


def test_a_blob_that_nothing_explains_is_surplus_after_a_day(index: RunningIndex) -> None:
    """Until then an upload may still record it; what was a signed page once is explained for ever."""
    sha256 = hashlib.sha256(b"stowaway").hexdigest()
    blob = index.data / "store" / "blobs" / sha256[:2] / sha256
    blob.parent.mkdir(exist_ok=True)
    blob.write_bytes(b"stowaway")
    try:
        assert run(index, "tuf_audit").returncode == 0
        for each in (index.data / "store" / "blobs").rglob("*"):
            os.utime(each, (0, 0))
        done = run(index, "tuf_audit")
        assert done.returncode == 1
        assert done.stdout.splitlines()[0].startswith(f"surplus-file: blobs/{sha256[:2]}/{sha256}: ")
        assert "surplus-file (1): " in done.stdout
    finally:
        blob.unlink()
    upload(index, index.token(), "third", "1.0")
    upload(index, index.token(), "third", "2.0")  # whose first page is superseded
    for each in (index.data / "store" / "blobs").rglob("*"):
        os.utime(each, (0, 0))
    assert run(index, "tuf_audit").returncode == 0


def test_what_changed_since_is_told_and_is_no_finding(
    index: RunningIndex, hashes: Path, mirror: Path, real_mirror: Path
) -> None:
    """Last: it changes the index."""
    upload(index, index.token(), "copied", "2.0")
    for copy in (hashes, mirror, real_mirror):
        said = against(index, copy)
        assert said["findings"] == []
        assert [(each["kind"], each["path"]) for each in said["differing"] if "copied" in each["path"]] == [
            ("added", "copied/copied-2.0-py3-none-any.whl"),
            ("changed", "copied/index.json"),
        ]
    headers = {"Authorization": f"Bearer {index.token('--scope', 'admin')}"}
    assert ask(f"{index.url}/api/v1/projects/other/", method="DELETE", headers=headers).status == 200
    index.wait_until_settled()
    said = against(index, hashes)
    assert said["findings"] == []
    assert {each["path"] for each in said["differing"] if each["kind"] == "removed"} == {
        "other/index.json",
        "other/other-1.0-py3-none-any.whl",
    }
    assert "2 removed" in run(index, "tuf_audit", "--against", hashes).stdout
