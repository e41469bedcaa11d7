"""Sealing the journal: each entry gets its number and hash in the chain, in an order that no two processes disagree on.

Whoever writes an entry knows nothing of the chain, so that uploads wait for nobody (ADR 13). The publisher seals before
each publication, the schedule what belongs to none. One seals at a time: a lock saves work, the number is unique.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from django.db import connection, transaction
from django.db.models import QuerySet

from packages import journal
from packages.chain import JournalHead, Sealed, Written, chain_faults, seal
from packages.models import JournalEntry

AT_ONCE = 5000  # more than the entries of a publication's batch
_LOCK = 0x1DE85174  # ours among a database's advisory locks
_WRITTEN = ("id", "at", "actor", "token", "act", "project", "details")


def seal_journal(*, published: JournalHead | None = None, now: datetime) -> JournalHead:
    """Seal the entries that are committed by now, AT_ONCE at most; returns the head of the chain then.

    Where the chain no longer holds what the signed metadata `published` of it, an entry says so, for ever.
    """
    with transaction.atomic():
        if connection.vendor == "postgresql":  # SQLite's transactions come one after another anyway
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        return _seal_journal(published, now)


def _seal_journal(published: JournalHead | None, now: datetime) -> JournalHead:
    head = head_of_chain()
    if published is not None and not _holds(head, published):
        journal.entry("journal.broken", now=now, entries=published.entries, sha256=published.sha256).save()
    links = []
    for row in _unsealed().values_list(*_WRITTEN)[:AT_ONCE]:
        sealed = seal(Written(*row), head)
        head = sealed.head
        links.append((head.entries, head.sha256, sealed.written.id))
    _write(links)
    return head


def seal_all(*, now: datetime) -> None:
    """Seal whatever waits."""
    while count_unsealed():
        seal_journal(now=now)


def count_unsealed() -> int:
    """How many entries have no place in the chain yet. Reads only."""
    return _unsealed().count()


def find_faults(*, signed: JournalHead | None) -> Iterator[str]:
    """A sentence for each fault of the chain; see `chain_faults`."""
    rows = JournalEntry.objects.exclude(number=None).order_by("number").values_list(*_WRITTEN, "number", "sha256")
    sealed = (Sealed(Written(*row[:-2]), JournalHead(*row[-2:])) for row in rows.iterator(chunk_size=1000))
    return chain_faults(sealed, signed=signed)


def head_of_chain() -> JournalHead:
    """The head of the chain. Reads only."""
    last = JournalEntry.objects.exclude(number=None).order_by("-number").values_list("number", "sha256").first()
    return JournalHead(last[0] or 0, last[1]) if last else JournalHead()


def hash_of(number: int) -> str | None:
    """The hash of the entry of this number, None where there is none. Reads only."""
    return JournalEntry.objects.filter(number=number).values_list("sha256", flat=True).first()


def _holds(head: JournalHead, published: JournalHead) -> bool:
    if published.entries in {0, head.entries}:
        return published.entries == 0 or published == head
    return JournalEntry.objects.filter(number=published.entries, sha256=published.sha256).exists()


def _unsealed() -> QuerySet[JournalEntry]:
    return JournalEntry.objects.filter(number=None).order_by("id")


def _write(links: Sequence[tuple[int, str, int]]) -> None:
    """The guard of the table allows this one change of an entry, once."""
    if links:
        table = connection.ops.quote_name(JournalEntry._meta.db_table)
        with connection.cursor() as cursor:
            cursor.executemany(f"UPDATE {table} SET number = %s, sha256 = %s WHERE id = %s AND number IS NULL", links)  # noqa: S608  # a constant
