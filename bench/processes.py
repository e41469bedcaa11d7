"""Servers as processes of ours: started on a free port of the loopback, awaited, ended with their own group."""

import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bench.asks import Ask, fetch
from bench.errors import NotReadyError
from bench.places import LOGS, WORK

HOST = "127.0.0.1"
READY_SECONDS = 120
STOP_SECONDS = 25


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start a server: `{port}` in the command stands for the port; `ready` is a path that answers 200."""

    name: str
    command: tuple[str, ...]
    ready: str
    environment: dict[str, str] = field(default_factory=dict)


@contextmanager
def running(launch: Launch) -> Iterator[str]:
    """The server's base URL while it runs. Everything that it started has ended when the block is left."""
    port = find_free_port()
    log = LOGS / f"{launch.name.replace(' ', '-')}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [part.replace("{port}", str(port)) for part in launch.command]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**clean_environment(), **launch.environment},
            cwd=WORK,
            start_new_session=True,
        )
        try:
            base = f"http://{HOST}:{port}"
            _await_ready(launch, process, base)
            yield base
        finally:
            _stop(process)


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
    log = LOGS / f"{launch.name.replace(' ', '-')}.log"
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise NotReadyError(launch.name, f"ended with {process.returncode} before it was ready", log)
        try:
            if fetch(Ask(base + launch.ready)).status == 200:
                return
        except (OSError, http.client.HTTPException):
            pass  # it does not listen yet
        time.sleep(0.1)
    raise NotReadyError(launch.name, f"was not ready within {READY_SECONDS} s", log)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    try:
        os.killpg(process.pid, signal.SIGKILL)  # workers that outlived their parent: the group is the process's own
    except ProcessLookupError:
        pass
