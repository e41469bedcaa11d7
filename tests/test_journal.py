"""The journal on a running index: sealed with each publication, guarded by the database, verified by a command."""

import re
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from tests.backups import run
from tests.conftest import NewIndex
from tests.distributions import wheel
from tests.running import RunningIndex

SQL = """
from django.db import DatabaseError, connection, transaction
def sql(statement):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else cursor.rowcount
def refused(statement):
    try:
        sql(statement)
    except DatabaseError as error:
        return "never changed or deleted" in str(error)
    return False
def unguard():
    if connection.vendor == "sqlite":
        sql("DROP TRIGGER packages_journal_kept")
        sql("DROP TRIGGER packages_journal_sealed_once")
    else:
        sql("DROP TRIGGER packages_journal_guarded ON packages_journalentry")
    return True
"""
TABLE = "packages_journalentry"


@pytest.fixture(scope="module")
def index(any_index: RunningIndex) -> RunningIndex:
    """An index with six uploads, each in a publication of its own."""
    token = any_index.token()
    for number in range(6):
        upload(any_index, token, f"{number}.0")
    return any_index


def upload(index: RunningIndex, token: str, version: str) -> None:
    filename, content = wheel("chained", version)
    assert index.post_upload(filename, content, token=token).status == 200
    index.wait_until_listed("chained", filename)


def shell(index: RunningIndex, *lines: str) -> str:
    """Run lines of Python in the index's environment; returns what the last one says."""
    script = SQL + "\n".join(lines[:-1]) + f"\nprint('says', {lines[-1]})"
    return index.manage("shell", "--verbosity", "0", "-c", script).rsplit("says ", 1)[1].strip()


def faults(index: RunningIndex) -> str:
    """What journal_verify finds; empty where it exits with 0."""
    done = run(index, "journal_verify")
    assert done.returncode == (1 if done.stderr else 0), done.stdout + done.stderr
    return done.stderr


def signed_head(index: RunningIndex) -> tuple[int, str]:
    """What the current snapshot says of the journal."""
    timestamp = index.get("/tuf/metadata/timestamp.json").json()["signed"]
    number = timestamp["meta"]["snapshot.json"]["version"]
    head = index.get(f"/tuf/metadata/{number}.snapshot.json").json()["signed"]["x-indexsite"]["journal"]
    return int(head["entries"]), str(head["sha256"])


def test_an_upload_is_sealed_in_the_publication_that_shows_it(index: RunningIndex) -> None:
    upload(index, index.token(), "7.0")
    entries, sha256 = signed_head(index)
    query = f"SELECT max(number) FROM {TABLE} WHERE project = 'chained'"
    last = shell(index, f"sql({query!r})")
    assert last == f"[({entries},)]"
    done = run(index, "journal_verify")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"whole: {entries} entries, the last one {sha256}" in done.stdout
    assert f"names entry {entries}." in done.stdout


def test_processes_that_seal_at_once_make_one_chain(index: RunningIndex) -> None:
    """Beside the index's own worker: three that write and seal as fast as they can."""
    lines = (
        "from django.utils.timezone import now; from packages import journal, sealing",
        "for number in range(40):",
        "    journal.entry('test.written', now=now(), caller=None, project='at-once', number=number).save()",
        "    head = sealing.seal_journal(now=now())",
        "head.entries",
    )
    with ThreadPoolExecutor(3) as pool:
        heads = list(pool.map(lambda _: int(shell(index, *lines)), range(3)))
    assert faults(index) == ""
    count = "JournalEntry.objects.filter(act='test.written', number__lte=max({heads})).count()"
    assert shell(index, "from packages.models import JournalEntry", count.format(heads=heads)) == "120"


def test_the_database_refuses_to_change_or_delete_entries(index: RunningIndex) -> None:
    asks = [
        f"UPDATE {TABLE} SET actor = 'nobody' WHERE number = 3",
        f"UPDATE {TABLE} SET number = NULL, sha256 = '' WHERE number = 3",
        f"UPDATE {TABLE} SET sha256 = 'x' WHERE number = 3",
        f"DELETE FROM {TABLE} WHERE number = 3",
        f"DELETE FROM {TABLE}",
    ]
    assert shell(index, f"[refused(each) for each in {asks!r}]") == str([True] * len(asks))
    added = f"INSERT INTO {TABLE} (at, actor, act, project, details, sha256) "
    added += "VALUES ('2026-01-01 00:00:00+00:00', 'ann', 'test', '', '{}', '')"
    late = [
        f"UPDATE {TABLE} SET actor = 'bob', number = 999, sha256 = 'x' WHERE number IS NULL",
        f"UPDATE {TABLE} SET actor = 'bob' WHERE number IS NULL",
    ]
    in_one_transaction = "transaction.atomic().__enter__()"  # or the schedule might seal it in between
    told = shell(index, in_one_transaction, f"sql({added!r})", f"[refused(each) for each in {late!r}]")
    assert told == "[True, True]"
    assert faults(index) == ""


def test_whoever_goes_around_the_guard_is_named(index: RunningIndex) -> None:
    assert shell(index, "unguard()") == "True"
    change = f"UPDATE {TABLE} SET actor = 'nobody' WHERE number = 4"
    assert shell(index, f"sql({change!r})") == "1"
    assert re.search(r"Entry 4 \(\S+ nobody file\.added chained\) is not what was sealed", faults(index))
    assert shell(index, f"sql({change.replace('nobody', 'admin')!r})") == "1"
    assert faults(index) == ""

    swap = [f"UPDATE {TABLE} SET number = {new} WHERE number = {old}" for old, new in ((2, 999), (5, 2), (999, 5))]
    assert shell(index, f"[sql(each) for each in {swap!r}]") == "[1, 1, 1]"
    found = faults(index)
    assert "Entry 2 (" in found
    assert "Entry 5 (" in found
    assert shell(index, f"[sql(each) for each in {swap!r}]") == "[1, 1, 1]"
    assert faults(index) == ""

    entries, _ = signed_head(index)
    for statement, fault in (
        (f"DELETE FROM {TABLE} WHERE number = 3", "Entry 3 is missing."),
        (f"DELETE FROM {TABLE} WHERE number >= {entries - 1}", f"Entries {entries - 1} to {entries} are missing."),
    ):
        shell(index, f"sql({statement!r})")
        assert fault in faults(index)
    upload(index, index.token(), "8.0")  # with which a lower head is signed, but not in silence
    broken = f"SELECT count(*) FROM {TABLE} WHERE act = 'journal.broken'"
    assert shell(index, f"sql({broken!r})") == "[(1,)]"


# --- a database of before ---

BEFORE = """
INSERT INTO accounts_user (id, password, is_superuser, username, first_name, last_name, email, is_staff, is_active,
    date_joined) VALUES (1, '', 0, 'ann', '', '', '', 0, 1, '2026-01-01 00:00:00');
INSERT INTO packages_project VALUES (1, 'old', 'Old', '2026-01-01 00:00:00');
INSERT INTO packages_membership (id, role, project_id, user_id) VALUES (1, 'owner', 1, 1);
INSERT INTO packages_release (id, version, created_at, project_id) VALUES (1, '1.0', '2026-01-01 00:00:00', 1);
INSERT INTO packages_file (id, filename, sha256, size, requires_python, metadata_sha256, summary, uploaded_at, state,
    voucher, uploaded_by_id, release_id) VALUES
    (1, 'old-1.0.zip', '{sha}', 1, '', '', '', '2026-01-01 00:00:00', 'published', 'unclaimed', 1, 1),
    (2, 'old-1.0.tar.gz', '{sha}', 1, '', '', '', '2026-01-01 00:00:00', 'waiting', '', 1, 1);
INSERT INTO packages_journalentry (id, at, actor, token, act, project, details) VALUES
    (1, '2026-01-01 00:00:00', 'ann', 1, 'project.created', 'old', '{{}}'),
    (2, '2026-01-01 00:00:00.5', 'ann', 1, 'file.added', 'old', '{{"sha256": "{sha}", "filename": "old-1.0.zip"}}');
"""


def test_a_database_of_before_keeps_its_rows_and_its_journal_is_sealed(new_index: NewIndex) -> None:
    index = new_index(INDEXSITE_BINS="4")
    for target in (("packages", "0001"), ("accounts",), ("tufsigning",), ("indexsite",)):
        index.manage("migrate", *target)
    path = index.data / "indexsite.sqlite3"
    with closing(sqlite3.connect(path)) as database:
        database.create_function("REGEXP", 2, lambda pattern, text: re.search(pattern, text) is not None)
        database.executescript(BEFORE.format(sha="a" * 64))
    index.start()
    upload(index, index.token("--user", "ann"), "1.0")
    done = run(index, "journal_verify")
    assert done.returncode == 0, done.stderr
    with closing(sqlite3.connect(path)) as database:
        entries = database.execute(f"SELECT id, actor, act, details, number FROM {TABLE} ORDER BY number").fetchall()
        files = database.execute("SELECT filename, state, voucher, is_yanked FROM packages_file ORDER BY id").fetchall()
        projects = database.execute("SELECT name, status FROM packages_project ORDER BY id").fetchall()
    assert [entry[:3] for entry in entries[:2]] == [(1, "ann", "project.created"), (2, "ann", "file.added")]
    assert [entry[4] for entry in entries] == list(range(1, len(entries) + 1))
    assert files[:2] == [("old-1.0.zip", "published", "unclaimed", 0), ("old-1.0.tar.gz", "waiting", "", 0)]
    assert projects == [("old", "active"), ("chained", "active")]
