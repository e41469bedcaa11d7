"""One user's throw-away world, in which the real command line runs."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from client.tests.hostile_mirror import HostileMirror
from client.tests.index_simulator import IndexSimulator


def eventually(fact: Callable[[], bool], *, within: float = 10.0) -> None:
    """Wait for a fact of another process; the only place of the tests that sleeps."""
    deadline = time.monotonic() + within
    while not fact():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


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
        return [sys.executable, "-m", "pip"]

    @property
    def uv(self) -> list[str]:
        return [str(Path(sys.executable).with_name("uv")), "pip"]

    def installer(self, kind: str, *arguments: str) -> list[str]:
        if kind == "pip":
            # With `--python` instead of `--prefix` pip would start itself a second time.
            return [*self.pip, "install", "--prefix", str(self.venv), *arguments]
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
            out, err = process.communicate(timeout=120)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        return self.indexsite("run", "--", *command)

    def trust(self, simulator: IndexSimulator, mirror: HostileMirror, *options: str) -> None:
        done = self.indexsite("trust", mirror.url, "--fingerprint", simulator.fingerprint, *options)
        assert done.returncode == 0, done.stderr

    def installed(self) -> set[str]:
        """The modules of our test projects that lie in the virtual environment."""
        return {path.stem for path in self.venv.glob("lib/python*/site-packages/*.py")} - {"_virtualenv"}
