"""What must never be false of a running index (DESIGN, section 5), each broken on purpose."""

import hashlib
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import pytest

from tests.conftest import NewIndex
from tests.distributions import wheel
from tests.parts import Parts, change, part_of, rows
from tests.running import CHECKOUT, SIMPLE_JSON, RunningIndex, eventually
from tests.watching import Watchers, new_updater, readable_files, verified_files

CEREMONY_HELD_BEFORE = """
import sys
from datetime import timedelta

import django

django.setup()

from django.core.management import call_command
from django.utils import timezone

from tufsigning.ceremony import hold_development_ceremony
from tufsigning.library import Library
from tufsigning.publisher import Publisher

call_command("migrate", interactive=False, verbosity=0)
assert hold_development_ceremony(Publisher(Library()), now=timezone.now() - timedelta(days=int(sys.argv[1])))
"""


@pytest.fixture(scope="module")
def token(module_index: RunningIndex) -> str:
    return module_index.token()


@contextmanager
def worker_asleep(index: RunningIndex) -> Iterator[None]:
    """While the block runs, uploads are taken in and nothing is published."""
    index.wait_until_settled()
    worker = part_of(index, "worker")

    def falls_asleep() -> bool:
        worker.suspend()
        eventually(lambda: is_stopped(worker))
        if is_writable(index):
            return True
        worker.resume()  # it was in the middle of a transaction, which would hold up everybody
        return False

    eventually(falls_asleep)
    try:
        yield
    finally:
        worker.resume()


def is_stopped(process: psutil.Process) -> bool:
    """Whether none of its threads runs any more; one that is in a system call first leaves it."""
    threads = [psutil.Process(thread.id) for thread in process.threads()]
    return all(thread.status() == psutil.STATUS_STOPPED for thread in threads)


def is_writable(index: RunningIndex) -> bool:
    """Whether nobody holds the database's lock."""
    with closing(sqlite3.connect(index.data / "indexsite.sqlite3", timeout=0, isolation_level=None)) as database:
        try:
            database.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        database.execute("ROLLBACK")
        return True


def published_versions(index: RunningIndex) -> dict[str, int]:
    """The version of every role of the current publication but root."""
    timestamp = index.get("/tuf/metadata/timestamp.json").json()["signed"]
    number = timestamp["meta"]["snapshot.json"]["version"]
    snapshot = index.get(f"/tuf/metadata/{number}.snapshot.json").json()["signed"]
    versions = {name.removesuffix(".json"): int(entry["version"]) for name, entry in snapshot["meta"].items()}
    return versions | {"snapshot": int(number), "timestamp": int(timestamp["version"])}


def blob_of(index: RunningIndex, content: bytes) -> Path:
    sha256 = hashlib.sha256(content).hexdigest()
    return index.data / "store" / "blobs" / sha256[:2] / sha256


def test_commits_are_on_the_disk_before_they_are_told(module_index: RunningIndex) -> None:
    ask = "from django.db import connection as c; k = c.cursor()"
    for pragma in ("synchronous", "journal_mode"):
        ask += f"; print('{pragma}', k.execute('PRAGMA {pragma}').fetchone()[0])"
    assert module_index.manage("shell", "--verbosity", "0", "-c", ask).split() == [
        "synchronous",
        "2",
        "journal_mode",
        "wal",
    ]


def test_a_waiting_file_is_neither_listed_nor_served(module_index: RunningIndex, token: str, tmp_path: Path) -> None:
    filename, content = wheel("waiting", "1.0")
    sha256 = hashlib.sha256(content).hexdigest()
    with worker_asleep(module_index):
        assert module_index.post_upload(filename, content, token=token).status == 200
        assert module_index.page("waiting") is None
        assert module_index.get(f"/files/{sha256}/{filename}").status == 404
        assert module_index.get(f"/tuf/targets/waiting/{sha256}.{filename}").status == 404
        assert verified_files(new_updater(module_index, tmp_path, module_index.root()), "waiting") == {}
    module_index.wait_until_listed("waiting", filename)
    assert module_index.get(f"/files/{sha256}/{filename}").body == content


def test_a_file_whose_bytes_are_gone_is_not_signed_and_holds_up_nobody(
    module_index: RunningIndex, token: str, tmp_path: Path
) -> None:
    lost, other = wheel("lost-bytes", "1.0"), wheel("other-bytes", "1.0")
    with worker_asleep(module_index):
        for filename, content in (lost, other):
            assert module_index.post_upload(filename, content, token=token).status == 200
        kept = blob_of(module_index, lost[1]).rename(tmp_path / "kept")
    try:
        module_index.wait_until_listed("other-bytes", other[0])
        eventually(lambda: "lost-bytes is not published" in module_index.log.read_text())
        assert module_index.page("lost-bytes") is None
    finally:
        kept.rename(blob_of(module_index, lost[1]))
    module_index.wait_until_listed("lost-bytes", lost[0])


def test_a_filename_is_never_reused_with_other_contents(module_index: RunningIndex, token: str) -> None:
    first, second = wheel("reused", "1.0"), wheel("reused", "1.0", members={"other.py": b"OTHER = 1\n"})
    assert first[0] == second[0]
    assert module_index.post_upload(*first, token=token).status == 200
    module_index.wait_until_listed("reused", first[0])
    module_index.wait_until_settled()

    def everything() -> tuple[object, ...]:
        blobs = sorted(path.name for path in (module_index.data / "store").rglob("*") if path.is_file())
        page = module_index.get("/simple/reused/", Accept=SIMPLE_JSON).body
        queued = rows(module_index.data, "SELECT count(*) FROM packages_outboxentry")
        return blobs, page, module_index.get("/tuf/metadata/timestamp.json").body, queued

    before = everything()
    refused = module_index.post_upload(*second, token=token)
    assert refused.status == 400
    assert "other contents" in refused.text.splitlines()[0]
    assert everything() == before
    assert module_index.post_upload(*first, token=token).status == 200  # the same bytes again change nothing either
    assert everything() == before


def test_a_page_stays_for_clients_that_refresh_meanwhile(
    module_index: RunningIndex, token: str, tmp_path: Path
) -> None:
    first, second = wheel("meanwhile", "1.0"), wheel("meanwhile", "2.0")
    assert module_index.post_upload(*first, token=token).status == 200
    module_index.wait_until_listed("meanwhile", first[0])
    updater = new_updater(module_index, tmp_path, module_index.root())
    target = updater.get_targetinfo("meanwhile/index.json")
    assert target is not None
    assert module_index.post_upload(*second, token=token).status == 200
    module_index.wait_until_listed("meanwhile", second[0])
    page = json.loads(Path(updater.download_target(target)).read_bytes())
    assert [file["filename"] for file in page["files"]] == [first[0]]


def test_uploads_that_arrive_together_are_published_together(module_index: RunningIndex, token: str) -> None:
    uploads = [wheel(f"together{number}", "1.0") for number in range(20)]
    before = len(rows(module_index.data, "SELECT 1 FROM tufsigning_publication"))
    with worker_asleep(module_index), ThreadPoolExecutor(20) as pool:
        replies = list(pool.map(lambda upload: module_index.post_upload(*upload, token=token), uploads))
        assert [reply.status for reply in replies] == [200] * 20
    for number, (filename, _) in enumerate(uploads):
        module_index.wait_until_listed(f"together{number}", filename)
    module_index.wait_until_settled()
    assert len(rows(module_index.data, "SELECT 1 FROM tufsigning_publication")) - before <= 2


def test_a_lost_nudge_costs_only_delay(module_index: RunningIndex, token: str) -> None:
    filename, content = wheel("nudge", "1.0")
    with worker_asleep(module_index):
        assert module_index.post_upload(filename, content, token=token).status == 200
        assert change(module_index.data, "DELETE FROM indexsite_queuedmessage") >= 1
    module_index.wait_until_listed("nudge", filename, within=20)


def test_many_workers_publish_everything_once(module_index: RunningIndex, token: str) -> None:
    uploads = [wheel(f"many{number % 10}", f"{number}.0") for number in range(30)]
    parts = Parts(module_index)
    parts.start_worker()
    try:
        with Watchers(module_index, "many0", "many1") as watchers:
            with ThreadPoolExecutor(6) as pool:
                replies = list(pool.map(lambda upload: module_index.post_upload(*upload, token=token), uploads))
            assert [reply.status for reply in replies] == [200] * 30
            for number, (filename, _) in enumerate(uploads):
                module_index.wait_until_listed(f"many{number % 10}", filename)
            module_index.wait_until_settled()
            watchers.look_once_more()
        watchers.assert_all_was_well()
        parts.stop_worker()
    finally:
        parts.end()
    twice = "SELECT role, version FROM tufsigning_document GROUP BY role, version HAVING count(*) > 1"
    assert rows(module_index.data, twice) == []


def test_a_restored_database_goes_on_above_what_is_published(new_index: NewIndex, tmp_path: Path) -> None:
    index = new_index(INDEXSITE_BINS="4").start()
    token, root = index.token(), index.root()
    uploads = [wheel("restored", "1.0"), wheel("restored", "2.0"), wheel("unknown", "1.0")]
    assert index.post_upload(*uploads[0], token=token).status == 200
    index.wait_until_settled()
    backup, database = tmp_path / "backup.sqlite3", index.data / "indexsite.sqlite3"
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(backup)) as copy:
        source.backup(copy)
    for filename, content in uploads[1:]:
        assert index.post_upload(filename, content, token=token).status == 200
        index.wait_until_settled()
    memory = tmp_path / "memory"
    assert len(verified_files(new_updater(index, memory, root), "restored")) == 2
    before = published_versions(index)
    assert index.stop() == 0
    for path in index.data.glob("indexsite.sqlite3*"):
        path.unlink()
    shutil.copy(backup, database)

    index.start()
    heads = dict(rows(index.data, "SELECT role, version FROM tufsigning_rolehead"))
    assert {role: version for role, version in before.items() if heads[role] < version} == {}
    known = {name for (name,) in rows(index.data, "SELECT filename FROM packages_file WHERE state = 'published'")}
    assert known == {filename for filename, _ in uploads}
    assert len(verified_files(new_updater(index, memory, root), "unknown")) == 1
    later = wheel("restored", "3.0")
    assert index.post_upload(*later, token=token).status == 200
    index.wait_until_listed("restored", later[0], uploads[1][0])
    after = published_versions(index)
    assert {role for role in before if after[role] < before[role]} == set()
    assert after["timestamp"] > before["timestamp"]
    assert len(verified_files(new_updater(index, memory, root), "restored")) == 3
    assert len(readable_files(index, "unknown")) == 1


@pytest.mark.parametrize("days", [30, 80, 400])
def test_after_a_long_time_off_every_role_is_renewed_before_it_is_ready(
    new_index: NewIndex, tmp_path: Path, days: int
) -> None:
    index = new_index(INDEXSITE_BINS="4")
    done = subprocess.run(
        [sys.executable, "-c", CEREMONY_HELD_BEFORE, str(days)],
        env={**index.environment, "DJANGO_SETTINGS_MODULE": "indexsite.settings"},
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    index.start()
    assert "roles that neared their expiry" in index.log.read_text().split("Indexsite is ready")[0]
    updater = new_updater(index, tmp_path / "new", index.root())
    updater.refresh()
    for number in range(24):  # enough names that every one of four bins is asked
        assert updater.get_targetinfo(f"name{number}/index.json") is None
    versions = published_versions(index)
    assert (versions["claimed"] > 1) == (days >= 45)
    assert (versions["unclaimed"] > 1) == (days >= 183)
    assert (index.get("/tuf/metadata/2.root.json").status == 200) == (days >= 183)
    assert all(version > 1 for role, version in versions.items() if role.startswith("bin"))
    filename, content = wheel("after", "1.0")
    assert index.post_upload(filename, content, token=index.token()).status == 200
    index.wait_until_listed("after", filename)
    assert len(verified_files(new_updater(index, tmp_path / "new", index.root()), "after")) == 1
