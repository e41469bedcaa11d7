"""After a break-in: what the journal tells of a project, and its rows made to say what a page says."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from indexsite_client.protocol import NormalizedName, PageFile, ProjectPage, ProjectStatus, parse_distribution_filename
from packages import journal, restoration, usage
from packages.chain import rfc3339
from packages.journal import SYSTEM
from packages.models import File, JournalEntry, Project, Release


@dataclass(frozen=True, slots=True)
class Told:
    """An entry of the journal, as far as it may explain a change. `number` is None until it is sealed."""

    number: int | None
    at: datetime
    actor: str
    token: int | None
    act: str
    details: Mapping[str, object]

    def __str__(self) -> str:
        by = f"{self.actor}, token {self.token}" if self.token else self.actor
        return f"entry {self.number or 'not sealed yet'} of {self.at:%Y-%m-%d %H:%M:%S} UTC: {self.act} by {by}"


def journal_since(project: str, *, number: int, limit: int) -> list[Told]:
    """The entries of people about a project, behind the entry of this number, oldest first."""
    rows = JournalEntry.objects.filter(Q(number__gt=number) | Q(number=None), project=project).exclude(actor=SYSTEM)
    fields = ("number", "at", "actor", "token", "act", "details")
    return [Told(*row) for row in rows.order_by("id").values_list(*fields)[:limit]]


def bring_to(name: NormalizedName, page: ProjectPage | None, *, voucher: str, now: datetime) -> int:
    """Make a project what the page says, None: that it is deleted; returns how many rows changed. May be repeated.

    What is taken away keeps its row as deleted: its name is never free again, and what it was stays known.
    """
    with transaction.atomic():
        if page is None:
            project = Project.every.filter(name=name).first()
            if project is None or project.status == Project.Status.DELETED:
                return 0
            gone = _take_away(project, frozenset(), now=now)
            return gone + restoration.restore_deletion(name, now=now)
        project, _ = Project.every.get_or_create(
            name=name, defaults={"display_name": name, "created_at": now, "may_resemble": True}
        )
        wanted = {file.filename: file for file in page.files}
        changed = sum(
            _correct(project, row, wanted[row.filename], voucher=voucher, now=now)
            for row in File.every.filter(filename__in=list(wanted)).select_related("release")
        )
        if page.status is not ProjectStatus.QUARANTINED:
            changed += _take_away(project, wanted.keys(), now=now)
        return changed + restoration.restore(page, voucher=voucher, now=now)


def _correct(project: Project, row: File, wanted: PageFile, *, voucher: str, now: datetime) -> int:
    """Make the row of a file say what a page says of it. One that waits to be published waits on."""
    version = parse_distribution_filename(wanted.filename).version_text
    said = {
        "sha256": wanted.sha256,
        "size": wanted.size,
        "requires_python": wanted.requires_python,
        "uploaded_at": datetime.fromisoformat(wanted.upload_time),
    }
    if wanted.metadata_sha256 or row.metadata_is_static:
        said |= {"metadata_sha256": wanted.metadata_sha256, "metadata_is_static": bool(wanted.metadata_sha256)}
    if row.release.project_id != project.pk or row.release.version != version:
        release, _ = Release.objects.get_or_create(project=project, version=version, defaults={"created_at": now})
        said["release_id"] = release.pk
    if row.state in {File.State.DELETED, File.State.WITHHELD}:
        said |= {"state": File.State.PUBLISHED, "voucher": voucher}
    if not _differs(row, said):
        return 0
    before, state = row.sha256, row.state
    File.every.filter(pk=row.pk).update(**said)
    about = journal.entry("file.recovered", now=now, project=project.name, filename=row.filename, was=before)
    about.details |= {"sha256": wanted.sha256, "state": state}
    about.save()
    return 1


def _differs(row: File, said: Mapping[str, object]) -> bool:
    """Moments are compared as pages tell them."""
    for field, value in said.items():
        ours = getattr(row, field)
        if isinstance(value, datetime):
            if rfc3339(ours) != rfc3339(value):
                return True
        elif ours != value:
            return True
    return False


def _take_away(project: Project, wanted: Collection[str], *, now: datetime) -> int:
    """Mark every other file of the project as deleted; each is in the journal with its hash."""
    gone = [file for file in File.objects.filter(release__project=project) if file.filename not in wanted]
    for file in gone:
        journal.entry(
            "file.taken-away", now=now, project=project.name, filename=file.filename, sha256=file.sha256
        ).save()
    usage.take_off(gone)
    File.objects.filter(pk__in=[file.pk for file in gone]).update(state=File.State.DELETED, voucher="")
    return len(gone)
