"""Acts in threads, each again and again at its pace until the watch ends; and samples of the index's parts."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from bench.figures import say
from bench.memory import descriptors_by_part, memory_by_part
from bench.processes import Running
from bench.soak.verdict import Sample

MOST_ERRORS = 200  # kept word for word; all are counted
SAMPLE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Repeated:
    """An act, and how long from one beginning to the next at least."""

    name: str
    act: Callable[[], None]
    every: float


@dataclass(slots=True)
class Watch:
    """What was seen: how often each act was done and failed, what its failures said, and the samples."""

    done: dict[str, int] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, name: str, error: Exception | None) -> None:
        """Count one act."""
        with self.lock:
            self.done[name] = self.done.get(name, 0) + 1
            if error is not None:
                self.failed[name] = self.failed.get(name, 0) + 1
                if len(self.errors) < MOST_ERRORS:
                    self.errors.append(f"{name}: {type(error).__name__}: {error}")


def watch_under_load(repeated: list[Repeated], server: Running, *, seconds: float) -> Watch:
    """Do all acts at once for so long. Whatever an act raises is an error of the index, noted, and ends nothing."""
    watch, begun, over = Watch(), time.monotonic(), threading.Event()
    with ThreadPoolExecutor(len(repeated)) as pool:
        loops = [pool.submit(_repeat, each, over, watch) for each in repeated]
        try:
            while (elapsed := time.monotonic() - begun) < seconds:
                _sample(server, elapsed, watch)
                time.sleep(min(SAMPLE_SECONDS, seconds / 40, max(seconds - elapsed, 0.0)))
        finally:  # a watch that is broken off ends its acts too
            over.set()
        for loop in loops:
            loop.result()
    return watch


def _repeat(repeated: Repeated, over: threading.Event, watch: Watch) -> None:
    while not over.is_set():
        begun = time.monotonic()
        error: Exception | None = None
        try:
            repeated.act()
        except Exception as raised:  # whatever it is: the watch must see it, and go on
            error = raised
            say(f"{repeated.name} failed: {raised}")
        watch.note(repeated.name, error)
        over.wait(max(0.0, begun + repeated.every - time.monotonic()))


def _sample(server: Running, at: float, watch: Watch) -> None:
    memory, descriptors = memory_by_part(server), descriptors_by_part(server)
    watch.samples += [Sample(at, part, size, descriptors.get(part, 0)) for part, size in memory.items()]
