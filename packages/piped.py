"""Both ends of a process of our own that answers jobs over pipes: hostile input may break it, and only it.

A job is a length in four bytes and its content; an answer likewise. The process ends with its input.
"""

import contextlib
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

_CHECKOUT = Path(__file__).resolve().parent.parent
_MAX_ANSWER = 64 * 1024 * 1024  # bytes
_MEMORY = 1024**3  # bytes of address space


class PipedProcess:
    """The process of a module, started when it is needed first and after it died. One job at a time.

    A job may take `seconds` of the clock; the process itself bounds its processor time (`answer_jobs`).
    """

    def __init__(self, module: str, *arguments: str, seconds: float) -> None:
        self._command = [sys.executable, "-s", "-m", module, *arguments]
        self._seconds = seconds
        self._child: subprocess.Popen[bytes] | None = None

    def ask(self, job: bytes) -> bytes | None:
        """The answer; None where the process died of this job, or was killed for taking too long.

        One that died before is replaced first. Raises OSError where none can be started.
        """
        child = self._start()
        assert child.stdin is not None  # noqa: S101  # both are pipes
        assert child.stdout is not None  # noqa: S101
        late = threading.Timer(self._seconds, child.kill)
        late.daemon = True  # a part that stops does not wait for it
        late.start()
        try:
            child.stdin.write(len(job).to_bytes(4, "big") + job)
            child.stdin.flush()
            answer = _read_answer(child.stdout)
        except OSError:  # it died before it read all
            answer = None
        finally:
            late.cancel()
        if answer is None:
            self.end()
        return answer

    def end(self) -> None:
        """Kill it, if it runs."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            assert child.stdin is not None  # noqa: S101  # a pipe
            with contextlib.suppress(BrokenPipeError):  # what it did not read is of no use any more
                child.stdin.close()
            with child:  # which closes the other pipe and waits
                pass

    def _start(self) -> subprocess.Popen[bytes]:
        if self._child is not None and self._child.poll() is not None:
            self.end()
        if self._child is None:
            self._child = subprocess.Popen(
                self._command,
                cwd=_CHECKOUT,
                env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", "DOCUTILSCONFIG": ""},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # tracebacks that strangers can cause
            )
        return self._child


def answer_jobs(answer: Callable[[bytes], bytes], *, cpu_seconds: int) -> None:
    """The other end: answer jobs on the standard streams until there are no more.

    The process writes no files and has a bounded memory; over one job it may take so much processor time.
    """
    for kind, limit in ((resource.RLIMIT_AS, _MEMORY), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(kind, (limit, limit))
    jobs, answers = sys.stdin.buffer, sys.stdout.buffer
    while len(head := jobs.read(4)) == 4:
        _limit_cpu(cpu_seconds)
        answered = answer(jobs.read(int.from_bytes(head, "big")))
        answers.write(len(answered).to_bytes(4, "big") + answered)
        answers.flush()


def _limit_cpu(seconds: int) -> None:
    """Beyond it the kernel ends this process, even where nobody is left who waits for it."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used = int(usage.ru_utime + usage.ru_stime) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (used + seconds, resource.RLIM_INFINITY))


def _read_answer(stream: IO[bytes]) -> bytes | None:
    """One answer, None where the process ended or says more than there can be to say."""
    length = int.from_bytes(stream.read(4), "big")
    if not 0 < length <= _MAX_ANSWER:
        return None
    answer = stream.read(length)
    return answer if len(answer) == length else None
