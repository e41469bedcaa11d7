"""Pruning: what no publication of the grace time reaches, and no row knows, is removed. Mark, then sweep (ADR 22).

Kept is whatever the live publication reaches, whatever the one reaches that was live when the grace time began, and
whatever was written since: nothing else can have been reached meanwhile. Kept are every root, and the bytes of each
file that rows know. A crash in the sweep leaves less to remove.
"""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TypeVar

from indexsite_client.protocol import SHA256, SNAPSHOT, TARGETS, TIMESTAMP, UNCLAIMED
from packages import outbox
from storage.contract import BLOBS, METADATA, StoredFile, document_name, read_bytes, the_storage
from tufsigning import records
from tufsigning.core.bins import read_bins
from tufsigning.core.documents import read_signed
from tufsigning.core.publication import Current
from tufsigning.core.reach import Reach
from tufsigning.core.snapshots import SnapshotEntries
from tufsigning.errors import TrustError
from tufsigning.library import MAX_DOCUMENT, Library
from tufsigning.models import Document, Publication
from tufsigning.restoration import roles_behind

LEAST_GRACE = timedelta(days=1)  # an upload's bytes are there before its row
AT_ONCE = 200  # files removed while no publication can come in between
MARGIN = timedelta(hours=1)  # between writing a document and its becoming visible, at most
_PATIENCE = 60.0  # seconds that a publisher may be at work
_ROWS = 500
_DOCUMENT = re.compile(r"([1-9][0-9]{0,18})\.([a-z0-9][a-z0-9.-]{0,220})\.json")
_HALF_WRITTEN = ".new-"
Item = TypeVar("Item")
Clock = Callable[[], datetime]


class PruneRefusedError(TrustError):
    """Nothing is pruned, or no more of it."""

    code = "prune-refused"


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was removed, or would be: documents, blobs, their bytes together, and rows of documents."""

    documents: int = 0
    blobs: int = 0
    size: int = 0
    rows: int = 0

    def __add__(self, other: "Pruned") -> "Pruned":
        return Pruned(
            self.documents + other.documents,
            self.blobs + other.blobs,
            self.size + other.size,
            self.rows + other.rows,
        )

    def __str__(self) -> str:
        said = f"{self.documents} documents and {self.blobs} blobs ({self.size} bytes)"
        return f"{said}, and {self.rows} rows of documents that were"


def prune(library: Library, clock: Clock, *, grace: timedelta, dry_run: bool = False) -> Pruned:
    """Remove what the last `grace` did not need; uploads and publications may go on.

    Raises PruneRefusedError, StoreDamagedError where something published is missing, or StorageUnavailableError.
    """
    if grace < LEAST_GRACE:
        raise PruneRefusedError("The grace time is at least one day: uploads and clients rely on what is younger.")
    now, current = clock(), library.current()
    if roles_behind(current):
        raise PruneRefusedError(
            "The database is older than the store and does not know all of its files; start 'manage.py serve' or a"
            " worker, which brings them back, and prune then."
        )
    reach = reach_since(now - grace, library, current)
    if reach is None:
        return Pruned()
    reach.blobs.add(outbox.known_blobs())
    sweep = _Sweep(library, clock, reach, now - grace - MARGIN, dry_run)
    found = (each for folder in (METADATA, BLOBS) for each in the_storage().stored(folder))
    garbage = (each for each in found if sweep.is_garbage(each))
    done = sum(map(sweep.remove, _batches(garbage, AT_ONCE)), Pruned())
    return done + Pruned(rows=sweep.remove_rows())


def reach_since(moment: datetime, library: Library, current: Current) -> Reach | None:
    """What the publication that was live then and the current one reach: with what was written since, all that any
    publication since then reached. None where there was none yet, so that everything is younger.
    """
    before = Publication.objects.filter(visible_at__lte=moment).order_by("number").last()
    if before is None:
        return None
    reach = Reach()
    _mark(reach, library, current)
    _mark_earlier(reach, before.number)
    return reach


@dataclass(frozen=True, slots=True)
class _Sweep:
    """The second half: everything in the store that is not marked, and older than `until`."""

    library: Library
    clock: Clock
    reach: Reach
    until: datetime
    dry_run: bool

    def is_garbage(self, found: StoredFile) -> bool:
        """Whether nothing needs it; what has a name that we do not give is not ours to remove."""
        if found.written_at >= self.until:
            return False
        folder, _, name = found.name.rpartition("/")
        if name.startswith(_HALF_WRITTEN):
            return True
        if folder == METADATA:
            named = _DOCUMENT.fullmatch(name)
            return named is not None and not self.reach.has_document(named[2], int(named[1]))
        return SHA256.fullmatch(name) is not None and name not in self.reach.blobs

    def remove(self, garbage: Sequence[StoredFile]) -> Pruned:
        """Remove these while no publication can come in between, but for what one needs again meanwhile."""
        if self.dry_run:
            return _count(garbage)
        with _no_publication(self.clock):
            _mark(self.reach, self.library, self.library.current())
            names = [each.name for each in garbage if self.is_garbage(each)]
            gone = the_storage().remove(names, written_before=self.until)
        if outbox.has_waiting():
            outbox.nudge()  # the publisher that came meanwhile has left
        return _count([each for each in garbage if each.name in gone])

    def remove_rows(self) -> int:
        """The rows of online documents that are gone, or were never stored; those of offline ones keep their bytes."""
        rows = Document.objects.filter(content=None, claimed_at__lt=self.until).order_by("pk")
        removed, last = 0, 0
        while found := list(rows.filter(pk__gt=last).values_list("pk", "role", "version")[:_ROWS]):
            last = found[-1][0]  # no reading goes on while rows are removed: SQLite would not have it
            gone = [pk for pk, role, version in found if not self.reach.has_document(role, version)]
            removed += len(gone) if self.dry_run else Document.objects.filter(pk__in=gone).delete()[0]
        return removed


def _mark(reach: Reach, library: Library, current: Current) -> None:
    """What a publication reaches, as far as it is not marked yet. Raises StoreDamagedError."""
    reach.add_document(TIMESTAMP, read_signed(current.timestamp)["version"])
    reach.add_document(SNAPSHOT, read_signed(current.snapshot)["version"])
    for role in current.entries.roles():
        version = current.entries[role]["version"]
        if current.bins.has_retired(role):
            reach.retire(role, version)
        elif reach.add_document(role, version):
            targets = library.targets(current, role)
            reach.blobs.add(entry["hashes"]["sha256"] for entry in targets.values())


def _mark_earlier(reach: Reach, number: int) -> None:
    """The same of an earlier publication, of which parts may be gone after a shorter grace time."""
    reach.add_document(SNAPSHOT, number)
    snapshot = read_bytes(document_name(SNAPSHOT, number), limit=MAX_DOCUMENT)
    entries = SnapshotEntries.read(snapshot) if snapshot is not None else SnapshotEntries.of({})

    def read(role: str) -> bytes | None:
        return read_bytes(document_name(role, entries[role]["version"]), limit=MAX_DOCUMENT)

    unclaimed = read(UNCLAIMED) if snapshot is not None else None
    bins = read_bins(unclaimed) if unclaimed is not None else None
    for role in entries.roles():
        version = entries[role]["version"]
        if bins is not None and bins.has_retired(role):
            reach.retire(role, version)
        elif reach.add_document(role, version):
            content = read(role)
            targets = read_signed(content)[TARGETS] if content is not None else {}
            reach.blobs.add(entry["hashes"]["sha256"] for entry in targets.values())


@contextmanager
def _no_publication(clock: Clock) -> Iterator[None]:
    """While the block runs, we are the publisher; raises PruneRefusedError where another one is for long."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        with records.publishing_lease(now=clock()) as ours:
            if ours:
                yield
                return
        if time.monotonic() > deadline:
            raise PruneRefusedError("A publisher is at work all the time; prune again later.")
        time.sleep(0.1)


def _count(files: Iterable[StoredFile]) -> Pruned:
    counted = [
        Pruned(int(each.name.startswith(METADATA)), int(each.name.startswith(BLOBS)), each.size) for each in files
    ]
    return sum(counted, Pruned())


def _batches(items: Iterator[Item], size: int) -> Iterator[list[Item]]:
    while batch := list(islice(items, size)):
        yield batch
