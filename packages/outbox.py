"""The one door between what the index holds and what it signs: which projects changed, what their pages must say.

An entry says "this project changed"; what to sign is read afresh, so entries may be handled twice, late or together.
Plain values only: this is all that `tufsigning` knows of `packages`.
"""

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import dramatiq
from django.db import transaction
from dramatiq import Message
from dramatiq.errors import BrokerConnectionError

from indexsite_client.protocol import (
    Json,
    NormalizedName,
    PageFile,
    ProjectPage,
    ProjectStatus,
)
from packages import changes as visible
from packages import holding, recovering, restoration, sealing
from packages.attestations.models import FileProvenance
from packages.chain import JournalHead as JournalHead  # of which the publisher knows from here
from packages.chain import rfc3339
from packages.models import File, OutboxEntry, Project, yank_shown
from packages.recovering import Told as Told

PUBLISH_ACTOR = "publish_waiting_changes"  # of tufsigning, named here by a constant so that nothing imports upwards
PUBLISH_QUEUE = "tuf"
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WaitingChange:
    """An outbox entry that is not settled: this project's signed documents are out of date."""

    id: int
    project: NormalizedName


def record(*projects: Project, now: datetime) -> None:
    """Say, inside the transaction that changes the projects, that they must be published; nudge the publisher."""
    OutboxEntry.objects.bulk_create([OutboxEntry(project=project, created_at=now) for project in projects])
    broker = dramatiq.get_broker()
    if getattr(broker, "joins_transactions", False):
        nudge()
    else:
        transaction.on_commit(nudge)


def nudge() -> bool:
    """Wake a publisher; False where the broker is away. A lost nudge costs only delay: a sweep finds the entry."""
    one_is_enough = {"one_is_enough": True}  # of several that wait, for a broker that can tell
    message: Message[None] = Message(
        queue_name=PUBLISH_QUEUE, actor_name=PUBLISH_ACTOR, args=(), kwargs={}, options=one_is_enough
    )
    try:
        dramatiq.get_broker().enqueue(message)
    except BrokerConnectionError as error:
        log.warning("No publisher could be woken; a worker looks by itself within seconds: %s", error)
        return False
    return True


def has_waiting(*, since: datetime | None = None) -> bool:
    """Whether anything waits to be published, or has waited since a moment. Reads only."""
    entries = OutboxEntry.objects.filter(settled_at=None)
    return (entries.filter(created_at__lte=since) if since else entries).exists()


def waiting(*, limit: int) -> tuple[WaitingChange, ...]:
    """The oldest entries that are not settled."""
    entries = OutboxEntry.objects.filter(settled_at=None).order_by("id")[:limit]
    return tuple(WaitingChange(pk, NormalizedName(name)) for pk, name in entries.values_list("id", "project__name"))


def project_pages(projects: Collection[NormalizedName]) -> dict[NormalizedName, ProjectPage | None]:
    """The pages of these projects as they must be signed, with every file that is committed by now.

    None for one that is deleted: nothing of it is a target any more.
    """
    files: dict[NormalizedName, list[PageFile]] = {project: [] for project in projects}
    rows = File.objects.filter(release__project__name__in=list(projects)).values_list(*_PAGE_FIELDS, named=True)
    for row in rows:
        files[row.release__project__name].append(_page_file(row))
    found = Project.every.filter(name__in=list(projects)).values_list("name", "status", "status_reason")
    pages = {}
    for text, status, reason in found:
        name = NormalizedName(text)
        pages[name] = _page(name, status, reason, files[name])
    return pages


_PAGE_FIELDS = (
    "release__project__name",
    "filename",
    "sha256",
    "size",
    "uploaded_at",
    "requires_python",
    "metadata_sha256",
    "metadata_is_static",
    "provenance__sha256",
    "is_yanked",
    "yanked_reason",
    "release__is_yanked",
    "release__yanked_reason",
)


def _page_file(row: Any) -> PageFile:  # Any: a named row of _PAGE_FIELDS
    """A file as its page has it."""
    yanked = yank_shown(row.is_yanked, row.yanked_reason, row.release__is_yanked, row.release__yanked_reason)
    return PageFile(
        filename=row.filename,
        sha256=row.sha256,
        size=row.size,
        upload_time=rfc3339(row.uploaded_at),
        requires_python=row.requires_python,
        metadata_sha256=row.metadata_sha256 if row.metadata_is_static else "",
        yanked=yanked,
        provenance_sha256=row.provenance__sha256 or "",
    )


def _page(name: NormalizedName, status: str, reason: str, files: list[PageFile]) -> ProjectPage | None:
    if status == Project.Status.DELETED:
        return None
    listed = () if status == Project.Status.QUARANTINED else tuple(files)
    return ProjectPage(name, listed, ProjectStatus(status), reason)


def settle(changes: Iterable[WaitingChange], *, vouchers: Mapping[str, str], now: datetime) -> None:
    """Say that these changes are visible: `vouchers` names, by filename, the TUF role that vouches for each file."""
    roles: dict[str, list[str]] = {}
    for filename, role in vouchers.items():
        roles.setdefault(role, []).append(filename)
    with transaction.atomic(savepoint=False):
        for role, filenames in roles.items():
            for start in range(0, len(filenames), 500):
                waiting_files = File.objects.filter(
                    filename__in=filenames[start : start + 500], state=File.State.WAITING
                )
                waiting_files.update(state=File.State.PUBLISHED, voucher=role)
        done = list(changes)
        ids = [change.id for change in done]
        OutboxEntry.objects.filter(id__in=ids, settled_at=None).update(settled_at=now)
        visible.note_projects({change.project for change in done})


def seal_journal(*, published: JournalHead | None, now: datetime) -> JournalHead:
    """Seal what the journal gained, inside the caller's transaction; its head is to be signed (ADR 13)."""
    return sealing.seal_journal(published=published, now=now)


def known_blobs() -> Iterator[str]:
    """The SHA-256 of every blob that rows know, some more than once: files but the deleted ones, metadata, provenance.

    Whatever their state: a file that waits, or that is withheld, has bytes too.
    """
    for sha256, metadata in File.objects.values_list("sha256", "metadata_sha256").iterator():
        yield sha256
        if metadata:
            yield metadata
    kept = FileProvenance.objects.exclude(file__state=File.State.DELETED)
    yield from kept.values_list("sha256", flat=True).iterator()


def published_projects() -> tuple[NormalizedName, ...]:
    """The projects that have published files."""
    published = File.objects.filter(state=File.State.PUBLISHED).values("release__project")
    return tuple(map(NormalizedName, Project.every.filter(pk__in=published).values_list("name", flat=True)))


def waiting_among(projects: Collection[NormalizedName]) -> set[NormalizedName]:
    """Those of these projects that wait to be published."""
    entries = OutboxEntry.objects.filter(settled_at=None, project__name__in=list(projects))
    return set(map(NormalizedName, entries.values_list("project__name", flat=True)))


def published_files(projects: Collection[NormalizedName]) -> dict[NormalizedName, set[str]]:
    """The names of the files of each of these projects of which the rows say that they are published."""
    found: dict[NormalizedName, set[str]] = {project: set() for project in projects}
    rows = File.objects.filter(release__project__name__in=list(projects), state=File.State.PUBLISHED)
    for project, filename in rows.values_list("release__project__name", "filename"):
        found[NormalizedName(project)].add(filename)
    return found


def names_after(name: str, *, limit: int = 1000) -> list[NormalizedName]:
    """The projects that follow a name in the order of names, deleted ones too."""
    names = Project.every.filter(name__gt=name).order_by("name").values_list("name", flat=True)
    return list(map(NormalizedName, names[:limit]))


def stored_hashes() -> Iterator[str]:
    """The hash of every blob that a row knows, of deleted files too."""
    for sha256, metadata in File.every.values_list("sha256", "metadata_sha256").iterator():
        yield from filter(None, (sha256, metadata))
    yield from FileProvenance.objects.values_list("sha256", flat=True).iterator()


def journal_faults(signed: Json | None) -> Iterator[str]:
    """A sentence for each fault of the journal's chain; `signed` is what the snapshot says of its head."""
    return sealing.find_faults(signed=JournalHead(**signed) if signed else None)


def journal_hash(number: int) -> str | None:
    """The hash of a sealed entry of the journal, None where there is none of this number."""
    return sealing.hash_of(number)


def restore(page: ProjectPage, *, voucher: str, now: datetime) -> int:
    """Bring a restored database up to a page that is published meanwhile; returns how many rows that changed."""
    return restoration.restore(page, voucher=voucher, now=now)


def restore_deletion(project: NormalizedName, *, now: datetime) -> int:
    """The same for a project whose page is gone meanwhile."""
    return restoration.restore_deletion(project, now=now)


def hold(reason: str) -> None:
    """Make the index read-only until `release_hold`, inside the caller's transaction."""
    holding.hold(reason)


def release_hold() -> None:
    """Take changes again."""
    holding.release()


def journal_since(project: NormalizedName, *, number: int, limit: int) -> list[Told]:
    """What the journal tells of a project behind the entry of a number, the newest last; not what we did ourselves."""
    return recovering.journal_since(project, number=number, limit=limit)


def journal_lacks(*, entries: int, sha256: str) -> bool:
    """Whether the journal's entry of this number is missing, or is another one."""
    return bool(entries) and journal_hash(entries) != sha256


def bring_to(name: NormalizedName, page: ProjectPage | None, *, voucher: str, now: datetime) -> int:
    """Make the rows of a project say what this page says, None: that it is deleted; returns how many rows changed."""
    return recovering.bring_to(name, page, voucher=voucher, now=now)
