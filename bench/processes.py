"""Servers as processes of ours: started on a free port of the loopback, awaited, ended with their own group."""

import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

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
    behind: str = ""  # the name of a server that must run already; `{behind}` stands for its host and port

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
        processes = read_processes()
        family = grow_family(self.pid, {pid: process.parent for pid, process in processes.items()})
        return sum(processes[pid].ticks for pid in family if pid in processes) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Process:
    """What the system tells of a process: who started it, and its processor time in clock ticks."""

    parent: int
    ticks: int


def read_processes() -> dict[int, Process]:
    """Every process, by its id; empty where there is no /proc."""
    found: dict[int, Process] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended
            fields = path.read_text().rpartition(")")[2].split()
            found[int(path.parent.name)] = Process(int(fields[1]), int(fields[11]) + int(fields[12]))
    return found


def grow_family(first: int, parents: Mapping[int, int]) -> set[int]:
    """A process and all that descends from it, given the parent of each process."""
    family = {first}
    while grown := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= grown
    return family


def end_on_sigterm() -> None:
    """SIGTERM leaves every `with` of this process, so that no server outlives it."""

    def end(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, end)


@contextmanager
def running(launch: Launch, *, behind: Running | None = None) -> Iterator[Running]:
    """The server while it runs. Everything that it started has ended when the block is left."""
    port = find_free_port()
    LOGS.mkdir(parents=True, exist_ok=True)
    command = [part.replace("{port}", str(port)) for part in launch.command]
    for path, text in launch.files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        upstream = urlsplit(behind.base).netloc if behind else ""
        path.write_text(text.replace("{port}", str(port)).replace("{behind}", upstream))
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


def run_command(
    what: str,
    command: tuple[str, ...],
    environment: dict[str, str] | None = None,
    *,
    seconds: int = COMMAND_SECONDS,
) -> str:
    """What a command that must succeed printed; raises CommandFailedError."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**clean_environment(), **(environment or {})},
        )
    except subprocess.TimeoutExpired:
        raise CommandFailedError(what, f"It did not end within {seconds} s.") from None
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
