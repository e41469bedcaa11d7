"""Fixtures: an index simulator behind a mirror, a throw-away home, and another source that nobody may reach."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from client.tests.ceremony_fixtures import desk, drafted, finished, first_ceremony, first_drafts, no_network
from client.tests.clocks import Clock
from client.tests.distributions import wheel
from client.tests.homes import Home
from client.tests.hostile_mirror import HostileMirror
from client.tests.index_simulator import IndexSimulator
from client.tests.tuf_clients import OurClient, PythonTuf, VerifyingClient
from client.tests.victims import NewClient, demo_index
from indexsite_client.fetcher import Downloads
from indexsite_client.pinning import Pin, pin_index
from indexsite_client.session import VerifiedSession
from indexsite_client.trusted import TrustedIndex

__all__ = ["desk", "drafted", "finished", "first_ceremony", "first_drafts", "no_network"]
CLEAN = ("PIP_", "UV_", "INDEXSITE_", "XDG_")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    folder = tmp_path / "home"
    folder.mkdir()
    kept = {k: v for k, v in os.environ.items() if not k.startswith(CLEAN) and not k.upper().endswith("_PROXY")}
    home = Home(
        folder,
        kept
        | {
            "HOME": str(folder),
            "XDG_DATA_HOME": str(folder / "data"),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "PYTHONWARNINGS": "error::ResourceWarning",
        },
    )
    uv = str(Path(sys.executable).with_name("uv"))
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, str(home.venv)], env=home.environment, check=True)
    return home


@pytest.fixture
def simulator() -> IndexSimulator:
    return demo_index()


@pytest.fixture
def mirror(simulator: IndexSimulator) -> Iterator[HostileMirror]:
    with HostileMirror(simulator.served) as mirror:
        yield mirror


@pytest.fixture
def canary() -> Iterator[HostileMirror]:
    """The other source, on another port of the same host: nobody may ever connect to it."""
    evil = wheel("demo-app", "99.0", says="evil")
    page = f'<a href="/{evil.entry.filename}">{evil.entry.filename}</a>'.encode()
    served = {
        "/simple/demo-app/": page,
        "/": page,
        f"/{evil.entry.filename}": evil.data,
        "/requirements.txt": b"demo-app",
    }
    with HostileMirror(served) as canary:
        yield canary


@pytest.fixture
def trusted(home: Home, simulator: IndexSimulator, mirror: HostileMirror, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home where the index is trusted already; pinned in this process, which is faster than by a command."""
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, home.environment[name])
    pin_index(Pin(mirror.url, fingerprint=simulator.fingerprint), token=None, environment_token=None)
    return home


@pytest.fixture(params=[OurClient, PythonTuf])
def new_client(
    request: pytest.FixtureRequest, simulator: IndexSimulator, mirror: HostileMirror, tmp_path: Path
) -> NewClient:
    """Makes clients that know nothing but the first root."""
    made: list[VerifyingClient] = []

    def make() -> VerifyingClient:
        root = simulator.served["/tuf/metadata/1.root.json"]
        made.append(request.param(mirror.url, root, tmp_path / f"client{len(made)}"))
        return made[-1]

    return make


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def index(simulator: IndexSimulator, mirror: HostileMirror, tmp_path: Path) -> TrustedIndex:
    folder = tmp_path / "pinned"
    folder.mkdir()
    (folder / "root.json").write_bytes(simulator.served["/tuf/metadata/1.root.json"])
    return TrustedIndex(mirror.url, "test-index", False, folder)


@pytest.fixture
def session(index: TrustedIndex, clock: Clock, tmp_path: Path) -> Iterator[VerifiedSession]:
    downloads = Downloads()
    session = VerifiedSession(index, downloads, cache=tmp_path / "cache", clock=clock)
    yield session
    session.close()
    downloads.close()
