"""Servers as processes of ours: started on a free port of the loopback, awaited, ended with their own group."""

import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from bench.asks import Ask, fetch
from bench.errors import CommandFailedError, NotReadyError
from bench.places import LOGS, WORK

HOST = "127.0.0.1"
READY_SECONDS = 120
STOP_SECONDS = 25
COMMAND_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start a server: `{port}` in command and files stands for the port; `ready` is a path that answers 200."""

    name: str
    command: tuple[str, ...]
    ready: str
    environment: dict[str, str] = field(default_factory=dict)
    folder: Path = WORK
    files: dict[Path, str] = field(default_factory=dict)  # configuration, written before each start

    @property
    def log(self) -> Path:
        return LOGS / f"{self.name}.log"


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers at `base`, and the first of its processes."""

    base: str
    pid: int

    def spent_seconds(self) -> float:
        """Processor time of it and all that descends from it; 0 where the system does not tell."""
        ticks: dict[int, int] = {}
        parents: dict[int, int] = {}
        for path in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):  # it has ended
                fields = path.read_text().rpartition(")")[2].split()
                pid = int(path.parent.name)
                parents[pid], ticks[pid] = int(fields[1]), int(fields[11]) + int(fields[12])
        family = {self.pid}
        while grown := {pid for pid, parent in parents.items() if parent in family} - family:
            family |= grown
        return sum(ticks.get(pid, 0) for pid in family) / os.sysconf("SC_CLK_TCK")


@contextmanager
def running(launch: Launch) -> Iterator[Running]:
    """The server while it runs. Everything that it started has ended when the block is left."""
    port = find_free_port()
    LOGS.mkdir(parents=True, exist_ok=True)
    command = [part.replace("{port}", str(port)) for part in launch.command]
    for path, text in launch.files.items():
        path.write_text(text.replace("{port}", str(port)))
    with launch.log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**clean_environment(), **launch.environment},
            cwd=launch.folder,
            start_new_session=True,
        )
        try:
            base = f"http://{HOST}:{port}"
            _await_ready(launch, process, base)
            yield Running(base, process.pid)
        finally:
            _stop(process)


def run_command(what: str, command: tuple[str, ...], environment: dict[str, str] | None = None) -> str:
    """What a command that must succeed printed; raises CommandFailedError."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**clean_environment(), **(environment or {})},
        )
    except subprocess.TimeoutExpired:
        raise CommandFailedError(what, f"It did not end within {COMMAND_SECONDS} s.") from None
    if done.returncode != 0:
        raise CommandFailedError(what, done.stderr or done.stdout)
    return done.stdout


def clean_environment() -> dict[str, str]:
    """The caller's environment without what would change a server: settings of an index, home folder, proxies."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("INDEXSITE_", "DJANGO_"))}
    home = WORK / "home"
    home.mkdir(parents=True, exist_ok=True)
    return {**kept, "HOME": str(home), "NO_PROXY": HOST, "no_proxy": HOST}


def find_free_port() -> int:
    """A port that nobody listens on: granian would silently share a taken one."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _await_ready(launch: Launch, process: subprocess.Popen[bytes], base: str) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise NotReadyError(launch.name, f"ended with {process.returncode} before it was ready", launch.log)
        try:
            if fetch(Ask(base + launch.ready)).status == 200:
                return
        except (OSError, http.client.HTTPException):
            pass  # it does not listen yet
        time.sleep(0.1)
    raise NotReadyError(launch.name, f"was not ready within {READY_SECONDS} s", launch.log)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # workers that outlived their parent: the group is the process's own
