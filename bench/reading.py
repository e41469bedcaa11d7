"""The read benchmark: all servers run, one is loaded at a time; in each round they take turns at every case.

Turns are short, because machines are noisy: what disturbs one server's turn disturbs its neighbours' as well.
"""

import http.client
from contextlib import ExitStack
from dataclasses import dataclass

from bench.asks import fetch
from bench.cases import Case, check_answer
from bench.debian import Program
from bench.distributions import Collection, write_wheels
from bench.errors import BenchError, NotRunningError
from bench.figures import Findings, say
from bench.load import Shape, measure
from bench.memory import note_memory
from bench.names import READING, SPENT
from bench.processes import Launch, Running, running
from bench.servers import Kind, Server

# What one server may do wrong without ending the run of the others.
FAILURES = (BenchError, OSError, http.client.HTTPException, ValueError, KeyError)
NO_INDEX = (Kind.BOUND, Kind.FRONTED)  # no index: their memory says nothing


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure, for how long, how often."""

    servers: tuple[Server, ...]
    cases: tuple[Case, ...]
    seconds: int
    rounds: int


def read_all(wrk: Program, plan: Plan, collection: Collection, findings: Findings) -> None:
    """Prepare and start the servers over a collection, measure its cases round by round, stop them all.

    A failure of one server or case is noted and ends nothing else.
    """
    cases = [case for case in plan.cases if case.collection == collection.name]
    if not cases:
        return
    write_wheels(collection)
    with ExitStack() as stack:
        runs = _start_all(plan.servers, collection, stack, findings)
        is_main = collection.name == "main"
        if is_main:
            _note_memory("idle", plan, runs, findings)
        for number in range(plan.rounds):
            for place, case in enumerate(cases):
                say(f"reading, round {number + 1} of {plan.rounds}: {case.title}")
                turn = (number + place) % len(plan.servers)
                for server in (*plan.servers[turn:], *plan.servers[:turn]):
                    if server.name in runs:
                        _read_one(wrk, server, runs[server.name], case, findings, seconds=plan.seconds)
        if is_main:
            _note_memory("reading", plan, runs, findings)


def _start_all(
    servers: tuple[Server, ...], collection: Collection, stack: ExitStack, findings: Findings
) -> dict[str, Running]:
    """The servers, which run until the stack is left; all are prepared before the first starts."""
    launches: dict[str, Launch] = {}
    for server in servers:
        say(f"preparing {server.name} ({collection.name})")
        try:
            launches[server.name] = server.prepare(collection)
        except FAILURES as error:
            findings.note_failure(server.name, error)
    runs: dict[str, Running] = {}
    for name, launch in launches.items():
        say(f"starting {name}")
        try:
            if launch.behind and launch.behind not in runs:
                raise NotRunningError(name, launch.behind)
            runs[name] = stack.enter_context(running(launch, behind=runs.get(launch.behind)))
        except FAILURES as error:
            findings.note_failure(name, error)
    return runs


def _note_memory(case: str, plan: Plan, runs: dict[str, Running], findings: Findings) -> None:
    for server in plan.servers:
        if server.name in runs and server.kind not in NO_INDEX:
            note_memory(findings, case, server.name, runs[server.name])


def _read_one(wrk: Program, server: Server, run: Running, case: Case, findings: Findings, *, seconds: int) -> None:
    what = f"{server.name}, {case.title}"
    if server.kind is Kind.PEER and what in findings.unmeasured:  # too slow in an earlier round, and it will be again
        return
    try:
        if ask := server.ask(case, run.base):
            answer = fetch(ask)
            check_answer(case, ask, answer)
            rates = findings.samples.get((READING, case.name, server.name, "/s"))
            shape, last_rate = Shape(seconds, case.connections), rates[-1] if rates else None
            load = measure(wrk, ask, shape, answer_bytes=len(answer.body), last_rate=last_rate, server=run)
            findings.add(READING, case.name, server.name, unit="/s", value=load.per_second)
            findings.add(READING, f"{case.name}-p99", server.name, unit="ms", value=load.p99_seconds * 1000)
            findings.add(SPENT, case.name, server.name, unit="/s", value=load.per_spent_second)
    except FAILURES as error:
        findings.note_failure(what, error)
