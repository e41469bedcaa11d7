"""From `serve`, which has prepared everything, to the supervisor, which takes its place without Django.

Only the standard library is imported here, and in `supervisor`: what only watches should hold little memory.
"""

import http.client
import json
import os
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import NoReturn

from indexsite.serving.supervisor import Part, Supervisor, say

READY_WITHIN = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class Handover:
    """What is to be supervised: commands of manage.py by the names of parts, and what to say once it is ready."""

    parts: Mapping[str, Sequence[str]]
    host: str
    port: int
    ready: str  # the path that answers 200 when it is
    welcome: str

    def take_over(self, *, lock: int, environment: Mapping[str, str]) -> NoReturn:
        """Become the supervisor. The file descriptor `lock` stays open, and the process keeps its id."""
        reader, writer = os.pipe()
        with os.fdopen(writer, "w") as pipe:  # a few kilobytes, which a pipe holds
            json.dump(asdict(self), pipe)
        for descriptor in (reader, lock):
            os.set_inheritable(descriptor, True)
        sys.stdout.flush()
        sys.stderr.flush()
        os.execve(sys.executable, [sys.executable, sys.argv[0], "supervise", str(reader)], dict(environment))  # noqa: S606


def supervise(descriptor: int) -> None:
    """Do what was handed over, until SIGTERM."""
    with os.fdopen(descriptor) as pipe:
        handed = Handover(**json.load(pipe))
    parts = [Part(name, command) for name, command in handed.parts.items()]
    threading.Thread(target=_greet, args=(handed,), daemon=True).start()
    Supervisor(parts, environment=os.environ).run()


def _greet(handed: Handover) -> None:
    """Print the welcome as soon as the index is ready."""
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline:
        if _is_ready(handed):
            sys.stdout.write(handed.welcome)
            sys.stdout.flush()
            return
        time.sleep(0.1)
    say("serve", "the index is not ready yet; the lines above say why.")


def _is_ready(handed: Handover) -> bool:
    connection = http.client.HTTPConnection(handed.host, handed.port, timeout=5)
    try:
        connection.request("GET", handed.ready)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
