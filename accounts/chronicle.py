"""Where acts on accounts and tokens are written down: in the journal, which lies above and says here how to write."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


class Named(Protocol):
    """Whom an entry names: a Caller, an Actor, or a Writer."""

    @property
    def username(self) -> str: ...
    @property
    def token_id(self) -> int | None: ...


@dataclass(frozen=True, slots=True)
class Writer:
    """Somebody of whom no more is known than the name."""

    username: str
    token_id: int | None = None


SERVER = Writer("indexsite")  # whoever has the server's shell
_write: list[Callable[..., object]] = []


def write_with(write: Callable[..., object]) -> None:
    """Say, once for a process, how entries are written: by `write(act, by=, now=, **details)`. The last one counts."""
    _write[:] = [write]


def note(act: str, *, by: Named, now: datetime, **details: str | int) -> None:
    """Write an entry, inside the transaction that does the act."""
    [write] = _write
    write(act, by=by, now=now, **details)
