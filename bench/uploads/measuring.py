"""The upload benchmark: one client and eight, each server in turn, round by round, on indexes that begin empty."""

import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

from bench.figures import Findings, say
from bench.memory import note_memory
from bench.names import UPLOADS
from bench.processes import Running, running
from bench.reading import FAILURES
from bench.servers import Kind
from bench.uploads.sending import Form, Sent, encode_forms, send_all
from bench.uploads.takers import Door, Taker
from bench.uploads.watching import Watcher, await_all_listed

CLIENTS = (1, 8)
MOST_PER_SECOND = 1500  # forms made for each second of load


@dataclass(frozen=True, slots=True)
class _Open:
    """A server that runs, and the way in."""

    taker: Taker
    server: Running
    door: Door


def measure_uploads(takers: Sequence[Taker], findings: Findings, *, seconds: int, rounds: int) -> None:
    """Upload for `seconds` at a time; a failure of one server is noted and ends nothing else."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-uploads-")))
        opened = [each for taker in takers if (each := _start(taker, folder, stack, findings))]
        for number in range(rounds):
            for place, clients in enumerate(CLIENTS):
                say(f"uploads, round {number + 1} of {rounds}: {clients} at once")
                forms = encode_forms(len(CLIENTS) * number + place, MOST_PER_SECOND * seconds)
                for each in [*opened[number % len(opened) :], *opened[: number % len(opened)]] if opened else []:
                    try:
                        _measure_one(each, forms, findings, clients=clients, seconds=seconds)
                    except FAILURES as error:
                        findings.note_failure(f"uploads to {each.taker.name}, {clients} at once", error)
        for each in opened:
            if each.taker.kind is not Kind.BOUND:
                note_memory(findings, "uploads", each.taker.name.partition("-")[0], each.server)


def _start(taker: Taker, folder: Path, stack: ExitStack, findings: Findings) -> _Open | None:
    own = folder / taker.name
    own.mkdir()
    say(f"starting {taker.name} for uploads")
    try:
        server = stack.enter_context(running(taker.launch(own)))
        return _Open(taker, server, taker.open(server.base, own))
    except FAILURES as error:
        findings.note_failure(f"uploads to {taker.name}", error)
        return None


def _measure_one(each: _Open, forms: list[Form], findings: Findings, *, clients: int, seconds: int) -> None:
    who, door = each.taker.name, each.door
    own_before, spent_before, begun = time.process_time(), each.server.spent_seconds(), time.monotonic()
    with ExitStack() as stack:
        watcher = stack.enter_context(Watcher(door.pages)) if door.pages else None
        sent = send_all(
            door, forms, clients=clients, seconds=seconds, watch=watcher.offer if watcher else _watch_nothing
        )
    answered = sent[-1].answered_at
    visible = await_all_listed(door.pages, sent) if door.pages else answered
    own = time.process_time() - own_before

    def add(case: str, unit: str, value: float) -> None:
        findings.add(UPLOADS, f"{case}-{clients}", who, unit=unit, value=value)

    add("answered", "/s", len(sent) / (answered - begun))
    add("visible", "/s", len(sent) / (visible - begun))
    add("load", "%", 100 * own / (visible - begun))
    add("spent", "ms", 1000 * (each.server.spent_seconds() - spent_before) / len(sent))
    if watcher and watcher.error:
        raise watcher.error
    if watcher and len(watcher.delays) > 1:
        cuts = quantiles((1000 * delay for delay in watcher.delays), n=100, method="inclusive")
        add("p50", "ms", cuts[49])
        add("p99", "ms", cuts[98])
        add("sampled", "uploads", len(watcher.delays))


def _watch_nothing(_: Sent) -> None:
    """For servers that list nothing."""
