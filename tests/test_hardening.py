"""Attacks and accidents that once worked, over real servers: each is refused, survived or said."""

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from tests.conftest import NewIndex
from tests.databases import PostgresServer
from tests.distributions import sdist, wheel
from tests.running import CHECKOUT, RunningIndex, eventually


def test_two_spellings_of_one_version_are_published_and_hold_up_nobody(module_index: RunningIndex) -> None:
    token = module_index.token()
    for version in ("1.0", "1.0.0", "1.0.0.0"):
        assert module_index.post_upload(*sdist("poison", version), token=token).status == 200
    assert module_index.post_upload(*wheel("innocent", "1.0"), token=token).status == 200
    module_index.wait_until_listed("innocent", "innocent-1.0-py3-none-any.whl")
    module_index.wait_until_listed("poison", "poison-1.0.tar.gz", "poison-1.0.0.tar.gz", "poison-1.0.0.0.tar.gz")
    assert module_index.get("/simple/poison/").status == 200
    assert module_index.page("poison")["versions"] == ["1.0"]


def test_readers_that_do_not_read_leave_room_for_others(module_index: RunningIndex) -> None:
    filename, content = wheel("streamed", "1.0", members={"big.bin": os.urandom(20_000_000)})
    assert module_index.post_upload(filename, content, token=module_index.token()).status == 200
    module_index.wait_until_listed("streamed", filename)
    path = module_index.page("streamed")["files"][0]["url"].removeprefix("../..")
    idle = []
    try:
        for _ in range(110):
            connection = socket.socket()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(("127.0.0.1", module_index.port))
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            idle.append(connection)
        assert module_index.get("/simple/streamed/").status == 200
        assert module_index.get("/health/live").status == 200
        assert eventually(lambda: module_index.get(path).status == 503, what="a full house")
    finally:
        for connection in idle:
            connection.close()
    eventually(lambda: module_index.get(path).body == content, what="free places")


def test_secrets_and_the_online_key_may_lie_in_files(new_index: NewIndex, tmp_path: Path) -> None:
    key = tmp_path / "online.pem"
    script = "from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey as K;"
    script += "from cryptography.hazmat.primitives.serialization import *; import sys;"
    script += "sys.stdout.buffer.write(K.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))"
    key.write_bytes(subprocess.run([sys.executable, "-c", script], check=True, capture_output=True).stdout)
    (tmp_path / "secret").write_text("a secret of fifty characters, or at least nearly so")
    (tmp_path / "uri").write_text(f"file:{key}\n")
    files = {"INDEXSITE_SECRET_KEY_FILE": str(tmp_path / "secret"), "INDEXSITE_ONLINE_KEY_FILE": str(tmp_path / "uri")}
    index = new_index(http_proxy="http://127.0.0.1:9", **files).start()
    assert index.post_upload(*wheel("filed", "1.0"), token=index.token()).status == 200
    index.wait_until_listed("filed", "filed-1.0-py3-none-any.whl")
    assert not (index.data / "keys" / "online.pem").exists()
    eventually(lambda: "Indexsite is ready" in index.log.read_text(), what="the welcome, whatever http_proxy says")


def refused_start(index: RunningIndex) -> str:
    """The log of a `serve` that does not start."""
    index.start(wait=False)
    assert index.process is not None
    assert index.process.wait(60) != 0
    return index.log.read_text()


def test_a_store_that_is_not_there_is_not_taken_for_a_new_index(new_index: NewIndex) -> None:
    index = new_index().start()
    root = index.root()
    index.stop()
    shutil.move(index.data / "store", index.data / "elsewhere")
    assert "mount or restore the store" in refused_start(index)
    shutil.rmtree(index.data / "store", ignore_errors=True)
    shutil.move(index.data / "elsewhere", index.data / "store")
    index.start()
    assert index.root() == root


def aged(index: RunningIndex, days: int) -> None:
    """Make the data folder of an index whose ceremony was held some days ago."""
    script = (
        "import django; django.setup();"
        "from datetime import timedelta; from django.core.management import call_command;"
        "from django.utils.timezone import now; call_command('migrate', verbosity=0);"
        "from tufsigning.ceremony import hold_development_ceremony; from tufsigning.library import Library;"
        "from tufsigning.publisher import Publisher;"
        f"hold_development_ceremony(Publisher(Library()), now=now() - timedelta(days={days}))"
    )
    environment = {**index.environment, "DJANGO_SETTINGS_MODULE": "indexsite.settings"}
    subprocess.run([sys.executable, "-c", script], check=True, env=environment, cwd=CHECKOUT, timeout=60)


def test_lost_offline_keys_stop_no_publication_and_none_are_made_up(new_index: NewIndex) -> None:
    index = new_index()
    aged(index, 60)  # `claimed` is due, for its half-life is 45 days
    shutil.move(index.data / "keys" / "offline", index.data / "lost")
    index.start()
    assert "offline/" in index.log.read_text()
    assert "missing from the key folder" in index.log.read_text()
    assert index.post_upload(*wheel("goes-on", "1.0"), token=index.token()).status == 200
    index.wait_until_listed("goes-on", "goes_on-1.0-py3-none-any.whl")
    assert not (index.data / "keys" / "offline").exists()
    assert index.get("/tuf/metadata/2.claimed.json").status == 404
    index.stop()
    shutil.move(index.data / "lost", index.data / "keys" / "offline")
    index.start()
    assert index.get("/tuf/metadata/2.claimed.json").status == 200


def postgres_index(new_index: NewIndex, postgres: PostgresServer, name: str) -> RunningIndex:
    return new_index(INDEXSITE_DATABASE_URL=postgres.new_database(name)).start()


def status_of(index: RunningIndex, file: tuple[str, bytes], token: str) -> int:
    return index.post_upload(*file, token=token).status


def in_parallel(*acts: Callable[[], int]) -> list[int]:
    """What each of these answers, all begun at once."""
    answers: list[int] = []
    threads = [threading.Thread(target=lambda act=act: answers.append(act())) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return answers


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_first_uploads_of_one_project_at_once_all_arrive(
    new_index: NewIndex, database: str, request: pytest.FixtureRequest
) -> None:
    if database == "postgresql":
        index = postgres_index(new_index, request.getfixturevalue("postgres"), "at_once")
    else:
        index = new_index().start()
    index.manage("shell", "-c", "from accounts.models import User; User.objects.create_user('stranger')")
    token, other = index.token(), index.manage("create_token", "--user", "stranger").splitlines()[-1]
    for number in range(4):
        name = f"at-once-{number}"
        files = [wheel(name, f"1.{minor}") for minor in range(4)]
        acts = [partial(status_of, index, file, token) for file in files]
        answers = in_parallel(*acts, partial(status_of, index, wheel(name, "9"), other))
        assert sorted(answers) in ([200, 200, 200, 200, 403], [200, 403, 403, 403, 403])
    index.wait_until_listed("at-once-3")


def test_a_dropped_postgresql_connection_is_made_again(new_index: NewIndex, postgres: PostgresServer) -> None:
    index = postgres_index(new_index, postgres, "dropped")
    token = index.token()
    assert index.post_upload(*wheel("before", "1.0"), token=token).status == 200
    index.wait_until_listed("before", "before-1.0-py3-none-any.whl")
    drop = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = 'dropped'"
    )
    postgres.run("psql", "-h", "127.0.0.1", "-p", str(postgres.port), "-U", "postgres", "-d", "postgres", "-c", drop)
    assert index.post_upload(*wheel("after", "1.0"), token=token).status == 200
    index.wait_until_listed("after", "after-1.0-py3-none-any.whl")


def test_a_migration_keeps_a_copy_and_a_newer_database_is_refused(new_index: NewIndex) -> None:
    index = new_index().start()
    index.stop()
    with closing(sqlite3.connect(index.data / "indexsite.sqlite3")) as database, database:
        database.execute("DROP TABLE django_session")  # as if its migration were still to come
        database.execute("DELETE FROM django_migrations WHERE app = 'sessions'")
    index.start()
    index.stop()
    [copy] = index.data.glob("before-migration-*.sqlite3")
    assert copy.stat().st_mode & 0o077 == 0
    with closing(sqlite3.connect(index.data / "indexsite.sqlite3")) as database, database:
        database.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('packages', '9999_x', '2030-01-01')"
        )
    assert "made by a newer Indexsite (it has packages.9999_x)" in refused_start(index)
