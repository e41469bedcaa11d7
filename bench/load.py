"""The load: `wrk` over kept-alive connections, and what it printed as values."""

import re
import subprocess
from dataclasses import dataclass, replace

from bench.asks import Ask
from bench.debian import Program
from bench.errors import LoadFailedError
from bench.processes import Running

THREADS = 1  # one thread drives 16 connections faster than any server here answers, and leaves it the other core
ANSWER_TIMEOUT_SECONDS = 30
WARM_UP_SECONDS = 1
# A server that answers 8 a second needs longer than one that answers 8,000, or the last, unfinished answers weigh.
WANTED_ANSWERS = 10  # of each connection
LONGEST_SECONDS = 5
PATIENCE_SECONDS = 20  # for a server that answered nothing at all in that time

SCALES = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "B": 1.0, "KB": 2.0**10, "MB": 2.0**20, "GB": 2.0**30}


@dataclass(frozen=True, slots=True)
class Load:
    """What one run of the load generator saw."""

    requests: int
    per_second: float
    bytes_read: float
    p99_seconds: float
    spent_seconds: float = 0  # processor time of the server

    @property
    def per_spent_second(self) -> float:
        """Requests by processor second of the server: the figure that a busy machine disturbs least."""
        return self.requests / max(self.spent_seconds, 0.01)


@dataclass(frozen=True, slots=True)
class Shape:
    """How hard to load: for so many seconds at least, over so many kept-alive connections."""

    seconds: int
    connections: int


def measure(
    wrk: Program, ask: Ask, shape: Shape, *, answer_bytes: int, last_rate: float | None, server: Running
) -> Load:
    """Load as long as said, or longer (to `LONGEST_SECONDS`) at a server that answers few; warm it up the first time.

    Raises LoadFailedError where an answer was no success, a connection failed, or answers were shorter on the whole
    than the one of `answer_bytes` that was checked.
    """
    connections = shape.connections
    if last_rate is None:
        last_rate = run_wrk(wrk, ask, seconds=WARM_UP_SECONDS, connections=connections).per_second
    needed = WANTED_ANSWERS * connections / max(last_rate, 1)
    before = server.spent_seconds()
    seconds = max(shape.seconds, min(needed, LONGEST_SECONDS))
    load = run_wrk(wrk, ask, seconds=seconds, connections=connections)
    if not load.requests:
        load = run_wrk(wrk, ask, seconds=PATIENCE_SECONDS, connections=connections)
    if not load.requests:
        raise LoadFailedError(ask.url, f"not one answer within {PATIENCE_SECONDS} s at {connections} connections")
    load = replace(load, spent_seconds=server.spent_seconds() - before)
    if load.bytes_read < 0.98 * load.requests * answer_bytes:  # wrk rounds what it read to three digits or so
        raise LoadFailedError(ask.url, "some answers were shorter than the first")
    return load


def run_wrk(wrk: Program, ask: Ask, *, seconds: float, connections: int) -> Load:
    """One run of wrk; raises LoadFailedError."""
    command = [wrk.path, f"-t{THREADS}", f"-c{connections}", f"-d{round(seconds)}s", "--latency"]
    command += ["--timeout", f"{ANSWER_TIMEOUT_SECONDS}s"]
    for name, value in ask.headers.items():
        command += ["-H", f"{name}: {value}"]
    limit = seconds + 2 * ANSWER_TIMEOUT_SECONDS
    try:
        done = subprocess.run(
            [*command, ask.url], env=wrk.environment(), capture_output=True, text=True, timeout=limit, check=False
        )
    except subprocess.TimeoutExpired:
        raise LoadFailedError(ask.url, f"wrk did not end within {limit:.0f} s") from None
    if done.returncode != 0:
        raise LoadFailedError(ask.url, f"wrk ended with {done.returncode}: {done.stdout or done.stderr}".strip())
    return read_wrk(done.stdout, ask.url)


def read_wrk(said: str, url: str) -> Load:
    """The figures in wrk's report; raises LoadFailedError where it reports errors."""
    if refused := re.search(r"Non-2xx or 3xx responses: (\d+)", said):
        raise LoadFailedError(url, f"{refused[1]} answers were no success")
    if faults := re.search(r"Socket errors: (.+)", said):
        raise LoadFailedError(url, f"socket errors: {faults[1]}")
    total = re.search(r"(\d+) requests in [\d.]+\w+, ([\d.]+)(B|KB|MB|GB) read", said)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    slowest = re.search(r"99%\s+([\d.]+)(us|ms|s|m)\b", said)
    if not total or not rate or not slowest:
        raise LoadFailedError(url, "wrk printed no figures")
    return Load(
        requests=int(total[1]),
        per_second=float(rate[1]),
        bytes_read=float(total[2]) * SCALES[total[3]],
        p99_seconds=float(slowest[1]) * SCALES[slowest[2]],
    )
