"""Fixtures: an index simulator behind a mirror, a throw-away home, and the real command line."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from distributions import wheel
from hostile_mirror import HostileMirror
from index_simulator import IndexSimulator

CLEAN = ("PIP_", "UV_", "INDEXSITE_", "XDG_")


def eventually(fact: Callable[[], bool], *, within: float = 10.0) -> None:
    """Wait for a fact of another process; the only place of the tests that sleeps."""
    deadline = time.monotonic() + within
    while not fact():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@dataclass
class Home:
    """One user's world: folders, environment, a virtual environment to install into, and the command `indexsite`."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def venv(self) -> Path:
        return self.folder / "venv"

    @property
    def python(self) -> str:
        return str(self.venv / "bin" / "python")

    @property
    def pip(self) -> list[str]:
        return [sys.executable, "-m", "pip", "--python", self.python]

    @property
    def uv(self) -> list[str]:
        return [str(Path(sys.executable).with_name("uv")), "pip"]

    def installer(self, kind: str, *arguments: str) -> list[str]:
        if kind == "pip":
            return [*self.pip, "install", *arguments]
        return [*self.uv, "install", "--python", self.python, *arguments]

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "indexsite_client", *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=pipe,
            stderr=pipe,
            text=True,
        )

    def indexsite(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        with self.start(*arguments) as process:
            out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        return self.indexsite("run", "--", *command)

    def trust(self, simulator: IndexSimulator, mirror: HostileMirror, *options: str) -> None:
        done = self.indexsite("trust", mirror.url, "--fingerprint", simulator.fingerprint, *options)
        assert done.returncode == 0, done.stderr

    def installed(self) -> set[str]:
        """The modules of our test projects that lie in the virtual environment."""
        return {path.stem for path in self.venv.glob("lib/python*/site-packages/*.py")} - {"_virtualenv"}


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
    """An index with two projects in its bins: demo-app needs demo-lib."""
    simulator = IndexSimulator()
    simulator.add_project("demo-lib", [wheel("demo-lib", "1.0"), wheel("demo-lib", "1.1")])
    simulator.add_project("demo-app", [wheel("demo-app", "2.0", requires=("demo-lib",))])
    simulator.publish()
    return simulator


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
def trusted(home: Home, simulator: IndexSimulator, mirror: HostileMirror) -> Home:
    home.trust(simulator, mirror)
    return home
