"""Restores: what is refused before anything changes, what is kept, and what a kill leaves."""

import gzip
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.backups import SMALL, run, upload
from tests.conftest import NewIndex
from tests.parts import rows
from tests.running import RunningIndex, free_port
from tests.watching import new_updater, readable_files, verified_files


@pytest.fixture(scope="module")
def backup(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of an index with two files and a token, taken twice."""
    folder = tmp_path_factory.mktemp("backed-up")
    index = RunningIndex(folder / "data", free_port(), SMALL).start()
    token = index.token()
    upload(index, token, "backed-up", "1.0")
    assert run(index, "backup", folder / "backup").returncode == 0
    upload(index, token, "backed-up", "2.0")
    done = run(index, "backup", folder / "backup")
    assert done.returncode == 0, done.stderr
    index.stop()
    (folder / "token").write_text(token)
    shutil.copytree(index.data / "keys", folder / "keys")
    return folder / "backup"


def test_a_backup_holds_no_key_and_no_secret(backup: Path) -> None:
    files = [path for path in backup.rglob("*") if path.is_file()]
    contents = [gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes() for path in files]
    assert len(files) > 20
    secrets = [path.read_bytes().splitlines()[1] for path in (backup.parent / "keys").rglob("*.pem")]
    secrets += [(backup.parent / "data" / "secret-key").read_bytes(), (backup.parent / "token").read_bytes()]
    assert [secret for secret in secrets for content in contents if secret in content] == []
    assert [content for content in contents if b"PRIVATE KEY" in content] == []
    assert {path.stat().st_mode & 0o077 for path in [backup, *files]} == {0}
    assert not list(backup.rglob("sessions.session*"))


def test_a_second_backup_copies_only_what_is_new(backup: Path, new_index: NewIndex) -> None:
    assert len([path for path in backup.iterdir() if path.is_dir()]) == 2  # one generation, and the store
    index = new_index(data=backup.parent / "data", **SMALL)
    before = {path: path.stat().st_ino for path in (backup / "store").rglob("*") if path.is_file()}
    assert run(index, "backup", backup).returncode == 0
    after = {path: path.stat().st_ino for path in (backup / "store").rglob("*") if path.is_file()}
    assert before == after


def _change_blob(folder: Path) -> None:
    largest = max((path for path in (folder / "store" / "blobs").rglob("*") if path.is_file()), key=os.path.getsize)
    largest.write_bytes(largest.read_bytes()[:-1] + b"x")


def _change_rows(folder: Path) -> None:
    path = next(folder.glob("*/rows/accounts.user.jsonl.gz"))
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()).replace(b"admin", b"eviln")))


def _lose_document(folder: Path) -> None:
    (folder / "store" / "metadata" / "1.root.json").unlink()


def _lose_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def _edit_manifest(folder: Path, **values: object) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, **values}))


DAMAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "a blob": (_change_blob, "is not what the backup wrote"),
    "a table": (_change_rows, "is not what the backup wrote"),
    "a document lost": (_lose_document, "cannot be read"),
    "never finished": (_lose_manifest, "was never finished"),
    "nonsense": (lambda folder: _edit_manifest(folder, files=3), "does not say what a manifest says"),
    "newer format": (lambda folder: _edit_manifest(folder, format=2), "newer Indexsite"),
    "newer schema": (lambda folder: _edit_manifest(folder, migrations=[["packages", "9999_later"]]), "newer Indexsite"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_backup_that_is_damaged_or_newer_changes_nothing(
    new_index: NewIndex, backup: Path, tmp_path: Path, damage: str
) -> None:
    damaged = Path(shutil.copytree(backup, tmp_path / "backup"))
    change, sentence = DAMAGES[damage]
    change(damaged)
    index = new_index(**SMALL)
    done = run(index, "restore", damaged)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    left = {path.name for path in index.data.rglob("*") if path.is_file() and path.stat().st_size}
    assert left <= {"secret-key"}


def test_an_index_is_not_overwritten_unasked_and_keeps_what_is_newer(new_index: NewIndex, tmp_path: Path) -> None:
    index, folder = new_index(**SMALL).start(), tmp_path / "backup"
    token = index.token()
    upload(index, token, "first", "1.0")
    assert run(index, "backup", folder).returncode == 0
    newer = upload(index, token, "first", "2.0")
    refused = run(index, "restore", folder, "--replace")
    assert "runs on the data folder" in refused.stderr
    assert index.stop() == 0
    refused = run(index, "restore", folder)
    assert refused.returncode == 1
    assert "--replace" in refused.stderr
    assert rows(index.data, "SELECT count(*) FROM packages_file") == [(2,)]
    done = run(index, "restore", folder, "--replace")
    assert done.returncode == 0, done.stderr
    index.start()
    index.wait_until_listed("first", newer)  # the store had it, and its signed metadata
    third = upload(index, token, "first", "3.0")
    assert third in verified_files(new_updater(index, tmp_path / "new", index.root()), "first")


def test_what_is_damaged_in_the_store_comes_back_though_its_length_is_right(
    new_index: NewIndex, tmp_path: Path
) -> None:
    index, folder = new_index(**SMALL).start(), tmp_path / "backup"
    filename = upload(index, index.token(), "first", "1.0")
    index.wait_until_listed("first", filename)
    good = readable_files(index, "first")
    assert run(index, "backup", folder).returncode == 0
    assert index.stop() == 0
    blob = index.data / "store" / "blobs" / good[filename][:2] / good[filename]
    blob.write_bytes(bytes(blob.stat().st_size))
    done = run(index, "restore", folder, "--replace")
    assert done.returncode == 0, done.stderr
    assert hashlib.sha256(blob.read_bytes()).hexdigest() == good[filename]
    index.start()
    assert readable_files(index, "first") == good


def test_a_store_of_another_index_is_left_alone(new_index: NewIndex, backup: Path) -> None:
    index = new_index(**SMALL).start()
    assert index.stop() == 0
    timestamp = index.data / "store" / "metadata" / "timestamp.json"
    before = timestamp.read_bytes()
    done = run(index, "restore", backup, "--replace")
    assert done.returncode == 1
    assert "another index" in done.stderr
    assert timestamp.read_bytes() == before
    assert "another index" in run(index, "backup", backup).stderr


@pytest.mark.parametrize(
    "step", ["storage.write:half#3", "storage.write:after#6", "database.commit:before#5", "storage.replace:before"]
)
def test_a_restore_that_is_killed_is_repeated(new_index: NewIndex, backup: Path, tmp_path: Path, step: str) -> None:
    index = new_index(**SMALL)
    crash = {"DJANGO_SETTINGS_MODULE": "tests.settings_crashing", "CRASH_IN": "restore", "CRASH_AT": step}
    killed = run(index, "restore", backup, **crash, CRASH_MARK=str(tmp_path / "crashed"))
    assert killed.returncode == -9, killed.stdout + killed.stderr
    refused = run(index, "serve", "--port", index.port)
    assert refused.returncode == 1
    assert "restore was interrupted" in refused.stderr
    done = run(index, "restore", backup)
    assert done.returncode == 0, done.stderr
    shutil.copytree(backup.parent / "keys", index.data / "keys")
    index.start()
    assert len(verified_files(new_updater(index, tmp_path / "new", index.root()), "backed-up")) == 2


def test_without_its_online_key_a_restored_index_says_what_to_do(new_index: NewIndex, backup: Path) -> None:
    index = new_index(**SMALL)
    done = run(index, "restore", backup)
    assert f"put it back as {index.data / 'keys' / 'online.pem'}" in done.stdout
    refused = run(index, "serve", "--port", index.port)
    assert refused.returncode == 1
    assert "Put it back, or set INDEXSITE_ONLINE_KEY" in refused.stderr
    shutil.copytree(backup.parent / "keys", index.data / "keys")
    index.start()
    assert len(readable_files(index, "backed-up")) == 2


def test_a_folder_of_something_else_is_no_place_for_a_backup(new_index: NewIndex, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "1.jpg").touch()
    index = new_index(**SMALL)
    assert "start 'manage.py serve', or run 'manage.py prepare' once" in run(index, "backup", tmp_path / "new").stderr
    assert not (tmp_path / "new").exists()
    index.start()
    done = run(index, "backup", tmp_path / "photos")
    assert done.returncode == 1
    assert "choose a folder for backups alone" in done.stderr
