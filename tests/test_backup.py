"""Backups of a serving index, and what clients see after a restore."""

import gzip
import itertools
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.conftest import NewIndex
from tests.databases import PostgresServer
from tests.distributions import wheel
from tests.parts import rows
from tests.running import BIN, CHECKOUT, RunningIndex, eventually, free_port
from tests.watching import new_updater, readable_files, verified_files

SMALL = {"INDEXSITE_BINS": "4"}
_numbers = itertools.count(1)


def run(index: RunningIndex, *arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
    """A management command, whatever comes of it."""
    command = [sys.executable, str(CHECKOUT / "manage.py"), *map(str, arguments)]
    environment = {**index.environment, **variables}
    return subprocess.run(command, env=environment, cwd=CHECKOUT, capture_output=True, text=True, timeout=120)


def upload(index: RunningIndex, token: str, name: str, version: str) -> str:
    filename, content = wheel(name, version)
    assert index.post_upload(filename, content, token=token).status == 200
    index.wait_until_listed(name, filename)
    return filename


def database(request: pytest.FixtureRequest, kind: str) -> dict[str, str]:
    if kind == "sqlite":
        return {}
    server: PostgresServer = request.getfixturevalue("postgres")
    return {"INDEXSITE_DATABASE_URL": server.new_database(f"backup{next(_numbers)}_{os.getpid()}")}


class Client:
    """Our client: its trust and memory in a folder, and an environment to install into."""

    def __init__(self, folder: Path, index: RunningIndex) -> None:
        self._folder, self._index = folder, index
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_", "INDEXSITE_"))}
        self._state = {**kept, "HOME": str(folder), "UV_NO_CONFIG": "1"}
        self._state |= {"XDG_DATA_HOME": str(folder / "data"), "XDG_CACHE_HOME": str(folder / "cache")}
        folder.mkdir()
        subprocess.run([BIN / "uv", "venv", "--quiet", "--python", sys.executable, folder / "venv"], check=True)
        self._indexsite("trust", index.url, "--fingerprint", index.fingerprint(), "--development")

    def install(self, project: str, version: str) -> None:
        python = self._folder / "venv" / "bin" / "python"
        self._indexsite("run", "--", BIN / "uv", "pip", "install", "--python", python, f"{project}=={version}")

    def _indexsite(self, *arguments: object) -> None:
        command = [str(BIN / "indexsite"), *map(str, arguments)]
        done = subprocess.run(command, env=self._state, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("source", "target"), [("sqlite", "sqlite"), ("sqlite", "postgresql"), ("postgresql", "sqlite")]
)
def test_clients_that_saw_newer_metadata_go_on_after_a_restore(
    request: pytest.FixtureRequest, new_index: NewIndex, tmp_path: Path, source: str, target: str
) -> None:
    index = new_index(**SMALL, **database(request, source)).start()
    token, root = index.token(), index.root()
    upload(index, token, "kept", "1.0")
    done = run(index, "backup", tmp_path / "backup", "--with-online-key")
    assert done.returncode == 0, done.stderr
    for number in range(2, 5):
        upload(index, token, "kept", f"{number}.0")
    upload(index, token, "lost", "1.0")
    client = Client(tmp_path / "client", index)
    client.install("kept", "4.0")
    memory = tmp_path / "memory"
    assert len(verified_files(new_updater(index, memory, root), "kept")) == 4
    assert len(verified_files(new_updater(index, memory, root), "lost")) == 1
    assert index.stop() == 0

    restored = new_index(**SMALL, **database(request, target))
    restored.port = index.port  # it comes back under its address
    done = run(restored, "restore", tmp_path / "backup")
    assert done.returncode == 0, done.stderr
    assert "offline keys" in done.stdout
    restored.start()
    assert restored.root() == root
    assert not (restored.data / "first-sign-in").exists()
    assert list(verified_files(new_updater(restored, memory, root), "kept")) == [wheel("kept", "1.0")[0]]
    filename = upload(restored, token, "kept", "5.0")
    assert set(verified_files(new_updater(restored, memory, root), "kept")) == {wheel("kept", "1.0")[0], filename}
    assert set(verified_files(new_updater(restored, tmp_path / "new", root), "kept")) == set(
        readable_files(restored, "kept")
    )
    client.install("kept", "5.0")
    assert restored.post_upload(*wheel("kept", "1.0"), token=token).status == 200  # the owner is known, the file too


def has_grown(answered: list[str], wanted: int) -> bool:
    return len(answered) >= wanted


def test_a_backup_of_a_busy_index_restores_to_one_state(new_index: NewIndex, tmp_path: Path) -> None:
    """Uploads and publications go on all the while; each backup is whole, and has what was answered before it began."""
    index = new_index(**SMALL).start()
    token, folder, answered = index.token(), tmp_path / "backup", [upload(index, index.token(), "busy", "0.0")]
    stop = threading.Event()

    def keep_uploading(worker: int) -> None:
        for number in itertools.count(1):
            if stop.is_set():
                return
            filename, content = wheel("busy", f"{worker}.{number}")
            if index.post_upload(filename, content, token=token).status == 200:
                answered.append(filename)

    threads = [threading.Thread(target=keep_uploading, args=(worker,)) for worker in (1, 2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(3):
            wanted = len(answered) + 5
            eventually(partial(has_grown, answered, wanted), what="uploads between backups")
            before = set(answered)
            done = run(index, "backup", folder, "--with-online-key")
            assert done.returncode == 0, done.stderr
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert index.stop() == 0
    restored = new_index(**SMALL)
    assert run(restored, "restore", folder).returncode == 0
    owners = "SELECT count(*) FROM packages_membership"
    assert rows(restored.data, owners) == [(1,)]
    restored.start()
    restored.wait_until_settled()
    found = readable_files(restored, "busy")
    assert before <= set(found)
    assert set(found) == {name for (name,) in rows(restored.data, "SELECT filename FROM packages_file")}
    assert verified_files(new_updater(restored, tmp_path / "new", restored.root()), "busy") == found


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
    assert "start it once with 'manage.py serve'" in run(index, "backup", tmp_path / "new").stderr
    assert not (tmp_path / "new").exists()
    index.start()
    done = run(index, "backup", tmp_path / "photos")
    assert done.returncode == 1
    assert "choose a folder for backups alone" in done.stderr
