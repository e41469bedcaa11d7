"""Has METADATA described by a process of its own, which is killed where it takes too long or too much."""

import contextlib
import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

CPU_SECONDS = 10  # for one description, which a busy machine makes no shorter
_SECONDS = 60.0  # of the clock, should it wait for something
_CHECKOUT = Path(__file__).resolve().parent.parent
_MAX_ANSWER = 64 * 1024 * 1024  # bytes
PLAIN, RENDER = b"p", b"r"  # the kinds of jobs


class RenderingFailedError(Exception):
    """The process that renders died, or was killed for taking too long."""

    code = "rendering-failed"

    def __init__(self) -> None:
        super().__init__(f"Rendering the description took more than {CPU_SECONDS} s or too much memory.")


@dataclass(frozen=True, slots=True)
class Described:
    """What METADATA says. `fault` is why there is nothing, or no more than the text as it stands."""

    metadata: dict[str, Any] = field(default_factory=dict)  # Any: JSON
    text: str = ""
    html: str = ""
    fault: str = ""


class Renderer:
    """Use it in a `with` block: the process is started when it is needed first, and ends with the block."""

    def __init__(self, *, seconds: float = _SECONDS) -> None:
        self._seconds = seconds
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Renderer":
        return self

    def __exit__(self, *error: object) -> None:
        self._end()

    def describe(self, content: bytes) -> Described:
        """What METADATA says; where rendering fails, with the description as it was written. Never raises for that."""
        try:
            return self._ask(RENDER, content)
        except RenderingFailedError as failure:
            fault = str(failure)
        try:
            return replace(self._ask(PLAIN, content), fault=fault)
        except RenderingFailedError:
            return Described(fault=fault)

    def _ask(self, kind: bytes, content: bytes) -> Described:
        child = self._start()
        assert child.stdin is not None  # noqa: S101  # both are pipes
        assert child.stdout is not None  # noqa: S101
        late = threading.Timer(self._seconds, child.kill)
        late.daemon = True  # a worker that stops does not wait for it
        late.start()
        try:
            child.stdin.write(kind + len(content).to_bytes(4, "big") + content)
            child.stdin.flush()
            answer = _read_answer(child.stdout)
        except OSError:  # it died before it read all
            answer = None
        finally:
            late.cancel()
        if answer is None:
            self._end()
            raise RenderingFailedError
        return Described(**json.loads(answer))

    def _start(self) -> subprocess.Popen[bytes]:
        if self._child is None:
            self._child = subprocess.Popen(
                [sys.executable, "-s", "-m", "packages.describing"],
                cwd=_CHECKOUT,
                env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", "DOCUTILSCONFIG": ""},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # tracebacks that strangers can cause
            )
        return self._child

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            assert child.stdin is not None  # noqa: S101  # a pipe
            with contextlib.suppress(BrokenPipeError):  # what it did not read is of no use any more
                child.stdin.close()
            with child:  # which closes the other pipe and waits
                pass


def _read_answer(stream: IO[bytes]) -> bytes | None:
    """One answer, None where the process ended or says more than there can be to say."""
    length = int.from_bytes(stream.read(4), "big")
    if not 0 < length <= _MAX_ANSWER:
        return None
    answer = stream.read(length)
    return answer if len(answer) == length else None
