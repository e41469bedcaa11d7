"""The journal: who did what, written in the transaction of the deed itself."""

from datetime import datetime
from typing import Protocol

from django.db.models import Max

from packages.models import JournalEntry

SYSTEM = "indexsite"  # the actor where nobody asked


class Actor(Protocol):
    """Whoever acts: a Caller with a token, or somebody who is signed in, without one."""

    @property
    def username(self) -> str: ...
    @property
    def token_id(self) -> int | None: ...


def entry(
    act: str, *, now: datetime, caller: Actor | None = None, project: str = "", **details: str | int
) -> JournalEntry:
    """An entry; save it inside the transaction that does the act. Details never hold secrets."""
    return JournalEntry(
        at=now,
        actor=caller.username if caller else SYSTEM,
        token=caller.token_id if caller else None,
        act=act,
        project=project,
        details=details,
    )


def write(act: str, *, by: Actor, now: datetime, **details: str | int) -> None:
    """An entry that belongs to no project, saved: what `accounts.chronicle` writes with."""
    entry(act, now=now, caller=by, project="", **details).save()


def last_serial(project: str) -> int:
    """The number of the last entry about a project, which grows with every act on it; 0 where there is none."""
    found: int | None = JournalEntry.objects.filter(project=project).aggregate(last=Max("id"))["last"]
    return found or 0
