"""The supervisor: starts the parts by exec, restarts one that dies and says so, and ends all of them within 20 s."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO

STOP_WITHIN = 15.0  # seconds for the parts to end by themselves
_CALM = 30.0  # seconds after which a part counts as well again
_LONGEST_PAUSE = 10.0
_WORKER_ONLY = ("INDEXSITE_ONLINE_KEY", "INDEXSITE_KEY_USE")


@dataclass(slots=True)
class Part:
    """A process of the index. `command` is what follows `manage.py`."""

    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    restart_at: float | None = None
    pause: float = field(default=0.5)


class Supervisor:
    """Holds the parts together. Everything they write comes out as one stream, each line under its part's name."""

    def __init__(self, parts: Sequence[Part], *, environment: Mapping[str, str]) -> None:
        self._parts, self._environment = parts, dict(environment)
        self._stop = threading.Event()
        self._signalled = False

    def run(self) -> None:
        """Until SIGTERM or SIGINT: keep every part running."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._note_signal)
        for part in self._parts:
            self._start(part)
        while not self._signalled and not self._stop.wait(0.2):
            for part in self._parts:
                self._look_after(part)
        self._end_all()

    def stop(self) -> None:
        """Make `run` end."""
        self._stop.set()

    def _note_signal(self, *_: object) -> None:
        """Not the event: this may interrupt the main thread while it holds the event's lock, and wait for ever."""
        self._signalled = True

    def _look_after(self, part: Part) -> None:
        now = time.monotonic()
        if part.restart_at is not None:
            if now >= part.restart_at:
                self._start(part)
            return
        assert part.process is not None  # noqa: S101  # it was started, and is not waiting for its restart
        code = part.process.poll()
        if code is None:
            return
        part.pause = 0.5 if now - part.started > _CALM else min(part.pause * 2, _LONGEST_PAUSE)
        part.restart_at = now + part.pause
        say("serve", f"{part.name} ended unexpectedly ({_describe(code)}); it is restarted in {part.pause:.0f} s.")

    def _start(self, part: Part) -> None:
        command = [sys.executable, sys.argv[0], *part.command, "--supervised", str(os.getpid())]
        part.process = subprocess.Popen(
            command,
            env=_environment_of(part.name, self._environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a Ctrl-C in the terminal reaches the supervisor alone, which ends the parts
        )
        part.started, part.restart_at = time.monotonic(), None
        assert part.process.stdout is not None  # noqa: S101  # it is a pipe
        threading.Thread(target=_relay, args=(part.name, part.process.stdout), daemon=True).start()

    def _end_all(self) -> None:
        say("serve", "stopping; the work in hand is finished first.")
        running = [part for part in self._parts if part.process is not None and part.process.poll() is None]
        deadline = time.monotonic() + STOP_WITHIN
        for part in running:
            assert part.process is not None  # noqa: S101  # filtered above
            part.process.terminate()
        for part in running:
            assert part.process is not None  # noqa: S101  # filtered above
            try:
                part.process.wait(max(deadline - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                say(
                    "serve",
                    f"{part.name} did not end in time and is killed; what it left is taken up at the next start.",
                )
                os.killpg(part.process.pid, signal.SIGKILL)
                part.process.wait()


def say(name: str, line: str) -> None:
    """Write one line of the common stream."""
    print(f"{name:<6} | {line}", flush=True)


def _environment_of(name: str, environment: Mapping[str, str]) -> dict[str, str]:
    """What a part is told: the online key, and where its use is reported, are the worker's alone."""
    is_worker = name == "worker"
    return {key: value for key, value in environment.items() if is_worker or not key.startswith(_WORKER_ONLY)}


def _relay(name: str, stream: IO[bytes]) -> None:
    for line in stream:
        say(name, line.decode(errors="replace").rstrip("\n"))


def _describe(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
