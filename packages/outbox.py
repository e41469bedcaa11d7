"""The one door between what the index holds and what it signs: which projects changed, what their pages must say.

An entry says "this project changed"; what to sign is read afresh, so entries may be handled twice, late or together.
Plain values only: this is all that `tufsigning` knows of `packages`.
"""

import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import dramatiq
from django.db import transaction
from dramatiq import Message
from dramatiq.errors import BrokerConnectionError

from indexsite_client.protocol import (
    NormalizedName,
    PageFile,
    ProjectPage,
    parse_distribution_filename,
)
from packages import journal
from packages.models import File, OutboxEntry, Project, Release

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


def project_pages(projects: Collection[NormalizedName]) -> tuple[ProjectPage, ...]:
    """The pages of these projects as they must be signed: every file that is committed by now."""
    files: dict[NormalizedName, list[PageFile]] = {project: [] for project in projects}
    fields = (
        "release__project__name",
        "filename",
        "sha256",
        "size",
        "uploaded_at",
        "requires_python",
        "metadata_sha256",
        "metadata_is_static",
    )
    rows = File.objects.filter(release__project__name__in=list(projects)).values_list(*fields)
    for name, filename, sha256, size, uploaded_at, requires_python, metadata_sha256, is_static in rows:
        page_file = PageFile(
            filename=filename,
            sha256=sha256,
            size=size,
            upload_time=_rfc3339(uploaded_at),
            requires_python=requires_python,
            metadata_sha256=metadata_sha256 if is_static else "",
        )
        files[name].append(page_file)
    return tuple(ProjectPage(project, tuple(found)) for project, found in files.items())


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
        ids = [change.id for change in changes]
        OutboxEntry.objects.filter(id__in=ids, settled_at=None).update(settled_at=now)


def restore(page: ProjectPage, *, voucher: str, now: datetime) -> int:
    """Bring back what a restored database lacks of a project that is published; returns how many files that were.

    Owners are not in signed metadata: a project that comes back has none until an administrator names one.
    """
    known = set(
        File.objects.filter(filename__in=[file.filename for file in page.files]).values_list("filename", flat=True)
    )
    missing = [file for file in page.files if file.filename not in known]
    with transaction.atomic():
        for file in missing:
            _restore_file(page.project, file, voucher=voucher, now=now)
    return len(missing)


def _restore_file(name: NormalizedName, file: PageFile, *, voucher: str, now: datetime) -> None:
    project, _ = Project.objects.get_or_create(name=name, defaults={"display_name": name, "created_at": now})
    version = parse_distribution_filename(file.filename).version_text
    release, _ = Release.objects.get_or_create(project=project, version=version, defaults={"created_at": now})
    File.objects.create(
        release=release,
        filename=file.filename,
        sha256=file.sha256,
        size=file.size,
        requires_python=file.requires_python,
        metadata_sha256=file.metadata_sha256,
        metadata_is_static=bool(file.metadata_sha256),
        uploaded_at=datetime.fromisoformat(file.upload_time),
        state=File.State.PUBLISHED,
        voucher=voucher,
    )
    journal.entry("file.restored", now=now, project=name, filename=file.filename, sha256=file.sha256).save()


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
