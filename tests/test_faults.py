"""Faults on more than one machine: what was answered 200 is published afterwards without help, and clients never see
an invalid or mixed state meanwhile."""

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.distributions import wheel
from tests.faulty import FaultyProxy, faulty_proxy
from tests.running import eventually, free_port
from tests.scaled import ScaledIndex, Servers
from tests.watching import Watchers, new_updater, readable_files, verified_files

# of one publication by a worker with Redis: its commits are 1 the claimed versions, 2 what was signed, 3 that it is
# visible and the outbox settled
WORKER_STEPS = [
    "database.commit:before#1",
    "database.commit:before#2",
    "storage.write:half",
    "storage.replace:before",
    "storage.replace:after",
    "database.commit:before#3",
]
_versions = itertools.count(1)


@pytest.fixture(scope="module")
def proxy(servers: Servers) -> Iterator[FaultyProxy]:
    """What stands between every process of the index and the object store."""
    with faulty_proxy(servers.objects.port) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def index(servers: Servers, proxy: FaultyProxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScaledIndex]:
    """Two web and three worker processes."""
    folder = tmp_path_factory.mktemp("faults")
    variables = servers.variables(folder)
    direct, through = f":{servers.objects.port}/", f":{proxy.port}/"
    variables["INDEXSITE_STORAGE_URL"] = variables["INDEXSITE_STORAGE_URL"].replace(direct, through)
    variables["DJANGO_SETTINGS_MODULE"] = "tests.settings_crashing"
    index = ScaledIndex(folder / "data", free_port(), variables)
    try:
        yield index.start()
    finally:
        index.stop()


@pytest.fixture(scope="module")
def token(index: ScaledIndex) -> str:
    return index.token()


@pytest.fixture
def project() -> str:
    """A project of the test's own: clients that look at everything have little to look at."""
    return f"demo{next(_versions)}"


def upload(index: ScaledIndex, token: str, project: str) -> str:
    """Upload another file of the project; it must be answered 200."""
    filename, content = wheel(project, f"{next(_versions)}.0")
    reply = index.post_upload(filename, content, token=token)
    assert reply.status == 200, reply.text
    return filename


@contextmanager
def watched(index: ScaledIndex, tmp_path: Path, project: str, *, busy_is_well: bool = False) -> Iterator[list[str]]:
    """Clients look while the block runs, at each web process. What it adds to the list must be published afterwards."""
    uploaded: list[str] = []
    one, other = (Watchers(index.at(port), project, busy_is_well=busy_is_well) for port in index.ports)
    with one, other:
        yield uploaded
        index.wait_until_listed(project, *uploaded, within=90)
        index.wait_until_settled()
        for watchers in (one, other):
            watchers.look_once_more()
    for watchers in (one, other):
        watchers.assert_all_was_well()
    for port in index.ports:
        found = verified_files(new_updater(index.at(port), tmp_path / str(port), index.root()), project)
        assert set(uploaded) <= set(found)
        assert readable_files(index.at(port), project) == found
    assert index.rows("SELECT DISTINCT state FROM packages_file") == [("published",)]


class Uploader:
    """Uploads all the while, as a build machine does that tries again; remembers what was answered 200."""

    def __init__(self, index: ScaledIndex, token: str, project: str) -> None:
        self._index, self._token, self._project = index, token, project
        self._stop = threading.Event()
        self.taken: list[str] = []
        self.statuses: dict[int, int] = {}

    def __enter__(self) -> "Uploader":
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        filename, content = wheel(self._project, f"{next(_versions)}.0")
        while not self._stop.wait(0.1):
            reply = self._index.post_upload(filename, content, token=self._token)
            self.statuses[reply.status] = self.statuses.get(reply.status, 0) + 1
            if reply.status == 200:
                self.taken.append(filename)
                filename, content = wheel(self._project, f"{next(_versions)}.0")

    def wait_for_more(self, count: int = 3) -> None:
        """Until so many more uploads were taken."""
        before = len(self.taken)
        eventually(lambda: len(self.taken) >= before + count, within=90, what="more uploads")


@contextmanager
def uploads_going_on(
    index: ScaledIndex, token: str, tmp_path: Path, project: str, *, allowed: frozenset[int] = frozenset({200})
) -> Iterator[Uploader]:
    """Before, while and after the block runs, somebody uploads under the eyes of clients. Nothing taken may be lost."""
    with watched(index, tmp_path, project, busy_is_well=503 in allowed) as uploaded:
        with Uploader(index, token, project) as uploader:
            uploader.wait_for_more()
            index.wait_until_listed(project, uploader.taken[0])
            yield uploader
            uploader.wait_for_more()
        uploaded += uploader.taken  # all of it: nobody uploads any more
    assert set(uploader.statuses) <= allowed, uploader.statuses


BUSY = frozenset({200, 503})


def test_redis_flushed_gone_and_back_costs_only_delay(
    index: ScaledIndex, servers: Servers, token: str, project: str, tmp_path: Path
) -> None:
    with uploads_going_on(index, token, tmp_path, project) as uploader:
        servers.redis.client().flushall()
        uploader.wait_for_more()
        servers.redis.stop()
        uploader.wait_for_more(10)
        index.wait_until_listed(project, uploader.taken[-10])
        servers.redis.start()


def test_a_redis_that_hangs_fails_no_upload(
    index: ScaledIndex, servers: Servers, token: str, project: str, tmp_path: Path
) -> None:
    assert servers.redis.process is not None
    hanging = psutil.Process(servers.redis.process.pid)
    with watched(index, tmp_path, project) as uploaded:
        hanging.suspend()
        try:
            uploaded.append(upload(index, token, project))
            index.wait_until_listed(project, *uploaded)
        finally:
            hanging.resume()
        uploaded.append(upload(index, token, project))


def test_postgresql_restarted_under_load_loses_nothing(
    index: ScaledIndex, servers: Servers, token: str, project: str, tmp_path: Path
) -> None:
    with uploads_going_on(index, token, tmp_path, project, allowed=BUSY) as uploader:
        servers.postgres.stop()
        eventually(lambda: uploader.statuses.get(503), what="a refusal")
        for port in index.ports:
            assert index.at(port).page(project) is not None  # reading needs no database
        servers.postgres.start()


def test_an_object_store_that_fails_stops_no_reading_and_loses_nothing(
    index: ScaledIndex, proxy: FaultyProxy, token: str, project: str, tmp_path: Path
) -> None:
    with uploads_going_on(index, token, tmp_path, project, allowed=BUSY) as uploader:
        proxy.set("error")
        try:
            eventually(lambda: uploader.statuses.get(503), what="a refusal")
            for port in index.ports:
                assert index.at(port).page(project) is not None
                assert index.at(port).get("/tuf/metadata/timestamp.json").status == 200
                unknown = index.at(port).get("/simple/never-asked-for/")
                assert unknown.status in {404, 503}
        finally:
            proxy.set("")


def test_an_object_store_that_is_slow_or_flickers_loses_nothing(
    index: ScaledIndex, proxy: FaultyProxy, token: str, project: str, tmp_path: Path
) -> None:
    with uploads_going_on(index, token, tmp_path, project, allowed=BUSY) as uploader:
        for fault, delay in (("slow", 0.7), ("error", 0.0), ("lose", 0.0), ("cut", 0.0)):
            proxy.set(fault, times=40, delay=delay)
            uploader.wait_for_more()
        proxy.set("")


def test_a_publication_that_takes_longer_than_a_lease_is_left_alone_by_other_workers(
    index: ScaledIndex, proxy: FaultyProxy, token: str, project: str, tmp_path: Path
) -> None:
    seen = "SELECT count(visible_at), count(*) FROM tufsigning_publication"
    index.wait_until_settled()
    [(visible, signed)] = index.rows(seen)
    with watched(index, tmp_path, project, busy_is_well=True) as uploaded:
        uploaded.append(upload(index, token, project))
        eventually(lambda: index.rows(seen) == [(visible + 1, signed + 1)], what="a quick publication")
        proxy.set("slow", only="GET", delay=3.5)  # of which a publication needs four; a lease is ten seconds
        try:
            uploaded.append(upload(index, token, project))
            eventually(lambda: index.rows(seen)[0][0] == visible + 2, within=90, what="a slow publication")
        finally:
            proxy.set("")
    assert index.rows(seen) == [(visible + 2, signed + 2)]  # nobody else began one meanwhile


def test_a_publisher_that_was_stopped_past_its_lease_changes_nothing_when_it_wakes_up(
    index: ScaledIndex, token: str, project: str, tmp_path: Path
) -> None:
    for number in range(3):
        index.end_worker(number)
    mark = tmp_path / "stopped"
    variables = {"CRASH_AT": "storage.replace:before", "CRASH_IN": "worker", "CRASH_MARK": str(mark)}
    unseen = "SELECT count(*) FROM tufsigning_publication WHERE visible_at IS NULL"
    burnt = index.rows(unseen)[0][0]
    with watched(index, tmp_path, project) as uploaded:
        uploaded.append(upload(index, token, project))
        index.start_worker(0, CRASH_BY="SIGSTOP", **variables)
        stalled = psutil.Process(index.parts["worker0"].pid)
        eventually(lambda: mark.exists() and stalled.status() == psutil.STATUS_STOPPED, within=60, what="the stall")
        index.start_worker(1)
        uploaded.append(upload(index, token, project))
        index.wait_until_listed(project, *uploaded, within=60)  # as soon as the lease of ten seconds has lapsed
        timestamp = index.get("/tuf/metadata/timestamp.json").body
        stalled.resume()
        eventually(lambda: "expected exception PublicationRaceError" in index.log.read_text(), what="its giving up")
        assert index.get("/tuf/metadata/timestamp.json").body == timestamp
        uploaded.append(upload(index, token, project))
    assert index.rows(unseen) == [(burnt + 1,)]


@pytest.mark.parametrize("step", WORKER_STEPS)
def test_a_worker_killed_at_a_step_loses_nothing(
    index: ScaledIndex, token: str, project: str, tmp_path: Path, step: str
) -> None:
    for name in [name for name in index.parts if name.startswith("worker")]:
        index.end_worker(int(name.removeprefix("worker")))
    mark = tmp_path / "crashed"
    with watched(index, tmp_path, project) as uploaded:
        uploaded.append(upload(index, token, project))
        index.start_worker(0, CRASH_AT=step, CRASH_IN="worker", CRASH_MARK=str(mark))
        killed = index.parts.pop("worker0")
        eventually(lambda: killed.poll() is not None, within=60, what="the crash")
        assert mark.exists()
        index.rows("UPDATE tufsigning_publisherlease SET expires_at = '2000-01-01'")  # tests wait for no lease
        index.start_worker(1)
