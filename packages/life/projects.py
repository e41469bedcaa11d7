"""Projects as a whole: archive, deprecate, quarantine (PEP 792), delete, and the ways back."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Sum

from accounts.actors import Actor
from packages.life.acting import Deed, acting, checked_reason
from packages.life.errors import NotThereError
from packages.life.releases import delete_files
from packages.life.rules import Act
from packages.models import File, Invitation, Project, RetentionRule

Status = Project.Status


@dataclass(frozen=True, slots=True)
class Deletion:
    """What goes with a project that is deleted. `size` in bytes; who requires it is in `dependents`."""

    project: str
    releases: tuple[str, ...]
    files: tuple[str, ...]
    size: int
    members: tuple[str, ...]
    invitations: int


def archive_project(actor: Actor, project: str, *, reason: str = "", now: datetime) -> bool:
    """No more uploads; what is there stays. False where it is so already, for the same reason."""
    with acting(actor, Act.ARCHIVE, project, now=now) as deed:
        return _set_status(deed, Status.ARCHIVED, "project.archived", reason)


def unarchive_project(actor: Actor, project: str, *, now: datetime) -> bool:
    """Uploads are taken again."""
    with acting(actor, Act.UNARCHIVE, project, now=now) as deed:
        return _set_status(deed, Status.ACTIVE, "project.unarchived")


def deprecate_project(actor: Actor, project: str, *, reason: str = "", now: datetime) -> bool:
    """Tell installers that it is obsolete; nothing else changes. False where it is so already."""
    with acting(actor, Act.DEPRECATE, project, now=now) as deed:
        return _set_status(deed, Status.DEPRECATED, "project.deprecated", reason)


def undeprecate_project(actor: Actor, project: str, *, now: datetime) -> bool:
    """Take that back."""
    with acting(actor, Act.UNDEPRECATE, project, now=now) as deed:
        return _set_status(deed, Status.ACTIVE, "project.undeprecated")


def quarantine_project(actor: Actor, project: str, *, reason: str = "", now: datetime) -> None:
    """Take every file from page and targets in the next publication, and keep its bytes; no uploads."""
    with acting(actor, Act.QUARANTINE, project, now=now) as deed:
        held = deed.project
        held.status_before, held.reason_before = held.status, held.status_reason
        File.objects.filter(release__project=held).update(state=File.State.WITHHELD, voucher="")
        _set_status(deed, Status.QUARANTINED, "project.quarantined", reason)


def lift_quarantine(actor: Actor, project: str, *, now: datetime) -> None:
    """The project is what it was before its quarantine, files and status."""
    with acting(actor, Act.LIFT_QUARANTINE, project, now=now) as deed:
        held = deed.project
        before, reason = Status(held.status_before), held.reason_before
        held.status_before, held.reason_before = "", ""
        withheld = File.objects.filter(release__project=held, state=File.State.WITHHELD)
        withheld.update(state=File.State.WAITING)
        _set_status(deed, before, "project.quarantine-lifted", reason)


def deletion_of(project: str) -> Deletion:
    """What `delete_project` would take away; raises NotThereError."""
    found = Project.objects.filter(name=project).first()
    if found is None:
        raise NotThereError(f"There is no project {project[:200]} here.")
    files = File.objects.filter(release__project=found)
    return Deletion(
        project=found.name,
        releases=tuple(sorted(set(files.values_list("release__version", flat=True)))),
        files=tuple(files.order_by("filename").values_list("filename", flat=True)),
        size=files.aggregate(size=Sum("size"))["size"] or 0,
        members=tuple(found.memberships.order_by("user__username").values_list("user__username", flat=True)),
        invitations=found.invitations.count(),
    )


def delete_project(actor: Actor, project: str, *, now: datetime) -> None:
    """Delete page and files for good. The name stays with its members: no stranger ever publishes under it."""
    with acting(actor, Act.DELETE, project, now=now) as deed:
        held = deed.project
        held.status_before, held.reason_before = "", ""
        count = delete_files(deed, File.objects.filter(release__project=held))
        held.releases.update(is_yanked=False, yanked_reason="")
        Invitation.objects.filter(project=held).delete()
        RetentionRule.objects.filter(project=held).delete()
        _set_status(deed, Status.DELETED, "project.deleted", files=count)


def restore_project(actor: Actor, project: str, *, now: datetime) -> None:
    """Give a deleted project its name and page back, without files."""
    with acting(actor, Act.RESTORE, project, now=now) as deed:
        _set_status(deed, Status.ACTIVE, "project.restored")


def _set_status(deed: Deed, status: Status, act: str, reason: str = "", **details: int) -> bool:
    project, text = deed.project, checked_reason(reason)
    if (project.status, project.status_reason) == (status, text):
        return False
    project.status, project.status_reason = status, text
    project.save(update_fields=["status", "status_reason", "status_before", "reason_before"])
    deed.note(act, **details, **({"reason": text} if text else {}))
    deed.publish()
    return True
