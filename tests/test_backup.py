"""Backups of a serving index, and what clients see after a restore."""

import itertools
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from tests.backups import SMALL, run, upload
from tests.conftest import NewIndex
from tests.databases import PostgresServer
from tests.distributions import wheel
from tests.parts import rows
from tests.running import BIN, RunningIndex, eventually
from tests.watching import new_updater, readable_files, verified_files

_numbers = itertools.count(1)


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
    assert "first-sign-in" not in restored.log.read_text()
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


def test_what_is_published_while_a_backup_begins_keeps_its_owner(new_index: NewIndex, tmp_path: Path) -> None:
    """A project is made and published after the rows' snapshot and before the timestamp is read."""
    index, mark = new_index(**SMALL).start(), tmp_path / "paused"
    token = index.token()
    upload(index, token, "before", "1.0")
    pausing = {"DJANGO_SETTINGS_MODULE": "tests.settings_pausing", "PAUSE_AT": "2", "PAUSED": str(mark)}
    with ThreadPoolExecutor() as pool:
        begun = pool.submit(run, index, "backup", tmp_path / "backup", "--with-online-key", **pausing)
        eventually(mark.exists, what="the pause")
        upload(index, token, "meanwhile", "1.0")
        mark.unlink()
        done = begun.result()
    assert done.returncode == 0, done.stderr
    assert index.stop() == 0
    restored = new_index(**SMALL)
    assert run(restored, "restore", tmp_path / "backup").returncode == 0
    owned = "SELECT name FROM packages_project p JOIN packages_membership m ON m.project_id = p.id ORDER BY name"
    assert rows(restored.data, owned) == [("before",), ("meanwhile",)]


@pytest.mark.parametrize(("source", "target"), [("sqlite", "postgresql"), ("postgresql", "sqlite")])
def test_downloads_that_were_counted_are_in_a_backup(
    request: pytest.FixtureRequest, new_index: NewIndex, tmp_path: Path, source: str, target: str
) -> None:
    index = new_index(**SMALL, **database(request, source)).start()
    filename = upload(index, index.token(), "fetched", "1.0")
    assert readable_files(index, "fetched")[filename]
    assert index.stop() == 0  # what was counted is written down
    done = run(index, "backup", tmp_path / "backup", "--with-online-key")
    assert done.returncode == 0, done.stderr
    restored = new_index(**SMALL, **database(request, target))
    done = run(restored, "restore", tmp_path / "backup")
    assert done.returncode == 0, done.stderr
    restored.start()
    assert "Downloads, 30 days</dt><dd>1</dd>" in restored.get("/project/fetched/").text
