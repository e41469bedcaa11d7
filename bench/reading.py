"""The read benchmark: all servers run, one is loaded at a time; in each round they take turns at every case.

Turns of two seconds, because machines are noisy: what disturbs one server's turn disturbs its neighbours' as well.
"""

import http.client
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field

from bench.asks import fetch
from bench.cases import Case, check_answer
from bench.debian import Program
from bench.distributions import Wheel
from bench.errors import BenchError
from bench.load import Load, measure
from bench.processes import Launch, Running, running
from bench.servers import Server

# What one server may do wrong without ending the run of the others.
FAILURES = (BenchError, OSError, http.client.HTTPException, ValueError, KeyError)


@dataclass(slots=True)
class Readings:
    """The figures so far, by server and case, and why what is missing is missing."""

    loads: dict[tuple[str, str], list[Load]] = field(default_factory=dict)
    unmeasured: dict[str, str] = field(default_factory=dict)


def read_all(
    wrk: Program,
    servers: tuple[Server, ...],
    cases: tuple[Case, ...],
    wheels: tuple[Wheel, ...],
    *,
    seconds: int,
    rounds: int,
) -> Readings:
    """Prepare and start the servers, measure round by round, stop them all.

    A failure of one server or case is noted in the readings and ends nothing else.
    """
    readings = Readings()
    with ExitStack() as stack:
        runs = _start_all(servers, wheels, stack, readings)
        for number in range(rounds):
            for place, case in enumerate(cases):
                say(f"round {number + 1} of {rounds}: {case.title}")
                turn = (number + place) % len(servers)
                for server in (*servers[turn:], *servers[:turn]):
                    if server.name in runs:
                        _read_one(wrk, server, runs[server.name], case, readings, seconds=seconds)
    return readings


def _start_all(
    servers: tuple[Server, ...], wheels: tuple[Wheel, ...], stack: ExitStack, readings: Readings
) -> dict[str, Running]:
    """The servers, which run until the stack is left; all are prepared before the first starts."""
    launches: dict[str, Launch] = {}
    for server in servers:
        say(f"preparing {server.name}")
        try:
            launches[server.name] = server.prepare(wheels)
        except FAILURES as error:
            note_failure(readings, server.name, error)
    runs: dict[str, Running] = {}
    for name, launch in launches.items():
        say(f"starting {name}")
        try:
            runs[name] = stack.enter_context(running(launch))
        except FAILURES as error:
            note_failure(readings, name, error)
    return runs


def _read_one(wrk: Program, server: Server, run: Running, case: Case, readings: Readings, *, seconds: int) -> None:
    try:
        if ask := server.ask(case, run.base):
            answer = fetch(ask)
            check_answer(case, ask, answer)
            loads = readings.loads.setdefault((server.name, case.name), [])
            last_rate = loads[-1].per_second if loads else None
            size = len(answer.body)
            loads.append(measure(wrk, ask, seconds=seconds, answer_bytes=size, last_rate=last_rate, server=run))
    except FAILURES as error:
        note_failure(readings, f"{server.name}, {case.title}", error)


def note_failure(readings: Readings, what: str, error: Exception) -> None:
    """Keep the reason for the report, and show it at once."""
    reason = str(error) if isinstance(error, BenchError) else f"{type(error).__name__}: {error}"
    readings.unmeasured[what] = reason
    say(f"{what} cannot be measured: {reason}")


def say(sentence: str) -> None:
    """Show progress, apart from the report on standard output."""
    print(f"bench: {sentence}", file=sys.stderr, flush=True)
