"""What is particular to an index on several machines: preparation, connections, downloads from the object store."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import psycopg
import pytest

from tests.distributions import wheel
from tests.running import CHECKOUT, Reply, ask, eventually, free_port
from tests.scaled import ScaledIndex, Servers

CONNECTIONS = 6


@pytest.fixture(scope="module")
def unprepared(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScaledIndex]:
    """A web process and a worker that were started before anybody prepared their index."""
    folder = tmp_path_factory.mktemp("scaled")
    variables = {**servers.variables(folder), "INDEXSITE_DOWNLOADS": "redirect"}
    variables["INDEXSITE_DATABASE_URL"] = servers.postgres.new_empty_database(f"unprepared{os.getpid()}")
    variables["INDEXSITE_DATABASE_CONNECTIONS"] = str(CONNECTIONS)
    index = ScaledIndex(folder / "data", free_port(), variables, webs=1, workers=1)
    try:
        index.start_web(0)
        index.start_worker(0)
        yield index
    finally:
        index.stop()


@pytest.fixture(scope="module")
def index(unprepared: ScaledIndex) -> ScaledIndex:
    """The same, prepared, by several machines at once."""
    told = wait_for_refusals(unprepared)
    assert "run 'manage.py prepare'" in told
    command = [sys.executable, str(CHECKOUT / "manage.py"), "prepare"]
    machines = [
        subprocess.Popen(
            command,
            env=unprepared.environment_of(f"machine{number}"),
            cwd=CHECKOUT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for number in range(3)
    ]
    said = [machine.communicate(timeout=120)[0] for machine in machines]
    assert [machine.returncode for machine in machines] == [0, 0, 0], said
    for words in ("made the database.", "made the keys and signed metadata", "made the user admin."):
        assert sum(words in each for each in said) == 1, said
    unprepared.wait_until_ready()
    return unprepared


def wait_for_refusals(index: ScaledIndex) -> str:
    """What the web process says while nobody prepared the index: it lives, is not ready, and reads are refused."""

    def refused() -> bool:
        try:
            return index.get("/health/ready").status == 503
        except OSError:
            return False

    eventually(refused, within=60, what="a web process")
    assert index.get("/health/live").status == 200
    read = index.get("/simple/")
    assert read.status == 503
    assert read.headers["retry-after"]
    assert "run 'manage.py prepare'" in read.text
    eventually(lambda: "The worker waits for it." in index.log.read_text(), what="the worker's words")
    return index.get("/health/ready").text


def test_parts_that_were_first_wait_until_the_index_is_prepared(index: ScaledIndex) -> None:
    filename, content = wheel("first", "1.0")
    assert index.post_upload(filename, content, token=index.token()).status == 200
    index.wait_until_listed("first", filename)
    assert index.log.read_text().count("The worker waits for it.") <= 2  # said once, for each thing that is missing


def test_no_secret_reaches_the_log(index: ScaledIndex) -> None:
    log = index.log.read_text()
    for secret in ("site/", "site%2F", "redis/secret", "redis%2Fsecret", index.variables["INDEXSITE_SECRET_KEY"]):
        assert secret not in log


def test_machines_share_one_cache(index: ScaledIndex) -> None:
    script = "from django.core.cache import cache; cache.set('colour', 'green', 60)"
    index.manage("shell", "-c", script)
    command = [
        sys.executable,
        "manage.py",
        "shell",
        "-c",
        "from django.core.cache import cache; print(cache.get('colour'))",
    ]
    done = subprocess.run(command, env=index.environment_of("machine2"), cwd=CHECKOUT, capture_output=True, text=True)
    assert done.stdout.split()[-1] == "green", done.stderr


def test_large_files_are_redirected_to_the_object_store_and_targets_never(index: ScaledIndex) -> None:
    filename, content = wheel("large", "1.0", members={"big.bin": os.urandom(600_000)})
    small, small_content = wheel("large", "2.0")
    token = index.token()
    assert index.post_upload(filename, content, token=token).status == 200
    assert index.post_upload(small, small_content, token=token).status == 200
    index.wait_until_listed("large", filename, small)
    files = {file["filename"]: file for file in index.page("large")["files"]}
    path = files[filename]["url"].removeprefix("../..")
    sent_on = index.get(path)
    assert (sent_on.status, sent_on.headers["cache-control"]) == (302, "no-store")
    fetched = ask(sent_on.headers["location"])
    assert (fetched.status, fetched.body) == (200, content)
    assert fetched.headers["content-type"] == "application/octet-stream"
    part = ask(sent_on.headers["location"], headers={"Range": "bytes=0-9"})
    assert (part.status, part.body) == (206, content[:10])
    forged = sent_on.headers["location"].replace("X-Amz-Signature=", "X-Amz-Signature=0")
    assert ask(forged).status == 403
    sha256 = files[filename]["hashes"]["sha256"]
    target = index.get(f"/tuf/targets/large/{sha256}.{filename}")
    assert (target.status, target.body) == (200, content)
    head = ask(index.url + path, method="HEAD")
    assert (head.status, head.headers["content-length"]) == (200, str(len(content)))
    assert index.get(path, If_None_Match=head.headers["etag"]).status == 304
    assert index.get(files[small]["url"].removeprefix("../..")).body == small_content


def test_a_process_holds_no_more_connections_than_it_may_and_says_that_it_is_busy(index: ScaledIndex) -> None:
    token = index.token()
    listed, content = wheel("crowd", "0.1")
    assert index.post_upload(listed, content, token=token).status == 200
    index.wait_until_listed("crowd", listed)
    replies: list[Reply] = []
    uploads = [wheel("crowd", f"{number}.0") for number in range(CONNECTIONS + 6)]
    threads = [
        threading.Thread(target=lambda each=each: replies.append(index.post_upload(*each, token=token)))
        for each in uploads
    ]
    used = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    before = index.rows(used)[0][0]
    with psycopg.connect(index.variables["INDEXSITE_DATABASE_URL"]) as blocker:
        blocker.execute("LOCK TABLE packages_membership IN ACCESS EXCLUSIVE MODE")
        for thread in threads:
            thread.start()
        eventually(lambda: any(reply.status == 503 for reply in replies), what="a refusal")
        assert index.rows(used)[0][0] <= before + CONNECTIONS + 1
        assert index.page("crowd") is not None  # reading needs no connection
        assert index.get("/").status in {200, 503}
        blocker.rollback()
    for thread in threads:
        thread.join()
    statuses = [reply.status for reply in replies]
    assert set(statuses) == {200, 503}
    assert all(reply.headers["retry-after"] for reply in replies if reply.status == 503)
    for filename, content in uploads:
        assert index.post_upload(filename, content, token=token).status == 200
    index.wait_until_listed("crowd", *(filename for filename, _ in uploads))
