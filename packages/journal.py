"""The journal: who did what, written in the transaction of the deed itself."""

from datetime import datetime

from accounts.callers import Caller
from packages.models import JournalEntry

SYSTEM = "indexsite"  # the actor where nobody asked


def record(act: str, *, now: datetime, caller: Caller | None = None, project: str = "", **details: str | int) -> None:
    """Add an entry; call it inside the transaction that does the act. Details never hold secrets."""
    JournalEntry.objects.create(
        at=now,
        actor=caller.username if caller else SYSTEM,
        token=caller.token_id if caller else None,
        act=act,
        project=project,
        details=details,
    )
