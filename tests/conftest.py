"""Fixtures: running indexes on SQLite and PostgreSQL, real distributions from the package registry."""

import fcntl
import hashlib
import itertools
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

os.environ.setdefault("INDEXSITE_DATA", tempfile.mkdtemp(prefix="indexsite-tests-"))

from tests.databases import PostgresServer, missing_part, postgres_server  # noqa: E402
from tests.objects import ObjectServer, object_server  # noqa: E402
from tests.redis_server import redis_server  # noqa: E402
from tests.running import RunningIndex, free_port  # noqa: E402
from tests.scaled import ScaledIndex, Servers  # noqa: E402

NewIndex = Callable[..., RunningIndex]

# pure wheel, binary wheel, sdist; dots, underscores, capitals; dependencies among them
REAL_WHEELS = ["flask==3.1.0", "Jinja2==3.1.6", "MarkupSafe==3.0.2", "Werkzeug==3.1.3", "itsdangerous==2.2.0"]
REAL_WHEELS += [
    "click==8.1.8",
    "blinker==1.9.0",
    "zope.interface==7.2",
    "typing_extensions==4.12.2",
    "setuptools==75.8.0",
    "wheel==0.45.1",
]
REAL_SDISTS = ["six==1.17.0", "zope.event==6.0", "typing_extensions==4.12.2"]


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server for this worker's tests."""
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def objects() -> Iterator[ObjectServer]:
    """An object store for this worker's tests."""
    with object_server() as server:
        yield server


@pytest.fixture(scope="session")
def servers(postgres: PostgresServer, objects: ObjectServer) -> Iterator[Servers]:
    """PostgreSQL, Redis and an object store for this worker's tests."""
    with redis_server() as redis:
        yield Servers(postgres, redis, objects)


@pytest.fixture
def new_index(tmp_path: Path) -> Iterator[NewIndex]:
    """Makes indexes on fresh data folders; they end with the test. Not started yet."""
    yield from _index_factory(tmp_path)


@pytest.fixture(scope="module")
def module_index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningIndex]:
    """One running index on SQLite for the tests of a module."""
    for make in _index_factory(tmp_path_factory.mktemp("index")):
        yield make().start()


@pytest.fixture(scope="module", params=["sqlite", "postgresql", "scaled"])
def any_index(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningIndex]:
    """One running index for the tests of a module: on either database, and as on several machines."""
    if request.param == "scaled":
        with scaled_index(request.getfixturevalue("servers"), tmp_path_factory.mktemp("scaled")) as index:
            yield index
    else:
        yield from _index_on(request.param, request, tmp_path_factory)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def one_process_index(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningIndex]:
    """One running index for the tests of a module, on either database, whose one web process answers everything."""
    yield from _index_on(request.param, request, tmp_path_factory)


def _index_on(
    database: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningIndex]:
    variables = {}
    if database == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres")
        variables["INDEXSITE_DATABASE_URL"] = server.new_database(f"index{next(_numbers)}_{os.getpid()}")
    for make in _index_factory(tmp_path_factory.mktemp("index")):
        yield make(**variables).start()


@pytest.fixture(scope="module", params=["embedded", "scaled"])
def each_mode(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningIndex]:
    """One running index for the tests of a module, by one command and as on several machines."""
    if request.param == "scaled":
        with scaled_index(request.getfixturevalue("servers"), tmp_path_factory.mktemp("scaled")) as index:
            yield index
        return
    for make in _index_factory(tmp_path_factory.mktemp("index")):
        yield make().start()


@contextmanager
def scaled_index(servers: Servers, folder: Path, **variables: str) -> Iterator[ScaledIndex]:
    """A running scaled index, which ends with the block."""
    index = ScaledIndex(folder / "data", free_port(), {**servers.variables(folder), **variables})
    try:
        yield index.start()
    finally:
        index.stop()


_numbers = itertools.count(1)


def _index_factory(folder: Path) -> Iterator[NewIndex]:
    made: list[RunningIndex] = []

    def make(*, data: Path | None = None, **variables: str) -> RunningIndex:
        index = RunningIndex(data or folder / f"data{next(_numbers)}", free_port(), variables)
        made.append(index)
        return index

    yield make
    for index in made:
        if index.process is not None and index.process.poll() is None:
            index.stop()


@pytest.fixture(scope="session")
def real_distributions() -> list[Path]:
    """Well-known projects' wheels and sdists, as the package registry has them, fetched once."""
    chosen = hashlib.sha256(" ".join([*REAL_WHEELS, *REAL_SDISTS]).encode()).hexdigest()[:8]
    folder = Path(tempfile.gettempdir()) / f"indexsite-real-{os.getuid()}-{sys.version_info.minor}-{chosen}"
    folder.mkdir(exist_ok=True)
    with open(folder / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / ".complete").exists():
            _fetch(folder, "--only-binary=:all:", *REAL_WHEELS)
            _fetch(folder, "--no-binary=:all:", *REAL_SDISTS)
            (folder / ".complete").touch()
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _fetch(folder: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode:
        missing_part(f"real distributions from the package registry: {done.stderr.strip()[-500:]}")
