"""What the benchmarks need to know of a server, whoever wrote it."""

from enum import StrEnum
from typing import Protocol

from bench.asks import Ask
from bench.cases import Case
from bench.distributions import Collection
from bench.processes import Launch


class Kind(StrEnum):
    """What part a server plays in the comparison."""

    OURS = "ours"
    PRIVATE = "private"  # ours, read with a token
    FRONTED = "fronted"  # ours, behind a caching proxy
    PEER = "peer"  # an index that people run instead of ours
    BOUND = "bound"  # not an index: how quick the same bytes can be at all


class Server(Protocol):
    """Prepared once, then launched beside the others."""

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> Kind: ...

    @property
    def requirements(self) -> tuple[str, ...]:
        """The releases that it is made of, for the record."""

    def prepare(self, collection: Collection) -> Launch:
        """Install it and give it the distributions; raises BenchError where that cannot be done."""

    def ask(self, case: Case, base: str) -> Ask | None:
        """The request of this case, or None where the server has no such answer."""
