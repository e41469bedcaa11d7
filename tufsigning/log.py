"""The rows of the public log: kept for readers, in the transaction that notes a publication as visible.

An entry follows from the signed documents (`tufsigning.core.log`). So one that a crash left out is made good from the
published ones, byte for byte as it would have been, by whoever publishes next or by the next start. None is ever
changed: where a row stands in the place of another entry, it stays, and `tuf_audit` names it.
"""

from collections.abc import Iterator

from tufsigning.core.log import Entry, entry_of
from tufsigning.core.publication import Current
from tufsigning.models import PublicLogEntry

MOST_LINES = 1000  # that are read at once


def current_entry(current: Current) -> Entry | None:
    """The entry that this publication's documents imply; None for one of before the log, and before the first."""
    return entry_of(current.timestamp, place=current.log, journal=current.journal) if current.timestamp else None


def entry_before(current: Current) -> Entry | None:
    """The entry that the publication after this one follows; where its documents name none, the newest row."""
    return current_entry(current) or next(iter(last_entries(1)), None)


def keep_entry(current: Current) -> None:
    """See to it that the log has the entry of a publication that is visible; it may have it already."""
    entry = current_entry(current)
    if entry is not None and not PublicLogEntry.objects.filter(number=entry.number).exists():
        row = PublicLogEntry(number=entry.number, line=entry.line.decode())
        PublicLogEntry.objects.bulk_create([row], ignore_conflicts=True)  # a publisher that stalled may come late


def read_entries(*, after: int, limit: int) -> tuple[Entry, ...]:
    """The entries behind number `after`, MOST_LINES at most."""
    rows = PublicLogEntry.objects.filter(number__gt=after).order_by("number").values_list("number", "line")
    return tuple(Entry(number, line.encode()) for number, line in rows[: min(limit, MOST_LINES)])


def last_entries(limit: int) -> tuple[Entry, ...]:
    """The newest entries, the newest first."""
    rows = PublicLogEntry.objects.order_by("-number").values_list("number", "line")[:limit]
    return tuple(Entry(number, line.encode()) for number, line in rows)


def entries_down() -> Iterator[Entry]:
    """Every entry from the newest down, in one walk of the database."""
    rows = PublicLogEntry.objects.order_by("-number").values_list("number", "line")
    for number, line in rows.iterator(chunk_size=MOST_LINES):
        yield Entry(number, line.encode())
