"""The acts on a project as tests do them, each with who may, in which statuses, and what it leaves; and one project."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from accounts.actors import Actor, signed_in_actor
from accounts.models import User
from packages.attestations.models import AttestationIdentity
from packages.attestations.naming import name_publishers
from packages.life import members, projects, releases, retention
from packages.life.retention import Retention
from packages.life.rules import Act
from packages.models import (
    File,
    Invitation,
    JournalEntry,
    Membership,
    OutboxEntry,
    Project,
    Release,
    ReleaseDescription,
    RetentionRule,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FILE = "demo-1.0.tar.gz"
EVERYBODY = {"stranger", "invited", "maintainer", "owner", "administrator"}
MEMBERS, OWNERS = {"maintainer", "owner", "administrator"}, {"owner", "administrator"}
ADMINISTRATORS = {"administrator"}
OPEN = ("active", "archived", "deprecated")
STATUSES = (*OPEN, "quarantined", "deleted")


@dataclass(frozen=True)
class Case:
    """An act: how it is done, by whom it may be done, in which statuses, and what it leaves behind."""

    act: Act
    do: Callable[[Actor], object]
    allowed: set[str]
    journalled: str
    statuses: tuple[str, ...] = OPEN
    publishes: bool = True
    before: Callable[[], object] = lambda: None  # what must have been, for there to be something to do


CASES = {
    "yank a file": Case(
        Act.YANK,
        lambda actor: releases.yank_file(actor, "demo", FILE, reason="broken", now=NOW),
        MEMBERS,
        "file.yanked",
    ),
    "unyank a file": Case(
        Act.UNYANK,
        lambda actor: releases.unyank_file(actor, "demo", FILE, now=NOW),
        MEMBERS,
        "file.unyanked",
        before=lambda: File.every.update(is_yanked=True),
    ),
    "yank a release": Case(
        Act.YANK, lambda actor: releases.yank_release(actor, "demo", "1", now=NOW), MEMBERS, "release.yanked"
    ),
    "unyank a release": Case(
        Act.UNYANK,
        lambda actor: releases.unyank_release(actor, "demo", "1.0", now=NOW),
        MEMBERS,
        "release.unyanked",
        before=lambda: Release.objects.update(is_yanked=True),
    ),
    "delete a file": Case(
        Act.DELETE_FILES, lambda actor: releases.delete_file(actor, "demo", FILE, now=NOW), OWNERS, "file.deleted"
    ),
    "delete a release": Case(
        Act.DELETE_FILES,
        lambda actor: releases.delete_release(actor, "demo", "1.0", now=NOW),
        OWNERS,
        "release.deleted",
    ),
    "reopen a release": Case(
        Act.REOPEN,
        lambda actor: releases.reopen_release(actor, "demo", "1.0", until=NOW + timedelta(days=1), now=NOW),
        OWNERS,
        "release.reopened",
        ("active", "deprecated"),
        publishes=False,
    ),
    "archive": Case(
        Act.ARCHIVE,
        lambda actor: projects.archive_project(actor, "demo", reason="done", now=NOW),
        OWNERS,
        "project.archived",
    ),
    "unarchive": Case(
        Act.UNARCHIVE,
        lambda actor: projects.unarchive_project(actor, "demo", now=NOW),
        OWNERS,
        "project.unarchived",
        ("archived",),
    ),
    "deprecate": Case(
        Act.DEPRECATE,
        lambda actor: projects.deprecate_project(actor, "demo", reason="use other", now=NOW),
        OWNERS,
        "project.deprecated",
        ("active", "deprecated"),
    ),
    "undeprecate": Case(
        Act.UNDEPRECATE,
        lambda actor: projects.undeprecate_project(actor, "demo", now=NOW),
        OWNERS,
        "project.undeprecated",
        ("deprecated",),
    ),
    "quarantine": Case(
        Act.QUARANTINE,
        lambda actor: projects.quarantine_project(actor, "demo", reason="malware", now=NOW),
        ADMINISTRATORS,
        "project.quarantined",
    ),
    "lift a quarantine": Case(
        Act.LIFT_QUARANTINE,
        lambda actor: projects.lift_quarantine(actor, "demo", now=NOW),
        ADMINISTRATORS,
        "project.quarantine-lifted",
        ("quarantined",),
    ),
    "delete": Case(
        Act.DELETE,
        lambda actor: projects.delete_project(actor, "demo", now=NOW),
        OWNERS,
        "project.deleted",
        (*OPEN, "quarantined"),
    ),
    "restore": Case(
        Act.RESTORE,
        lambda actor: projects.restore_project(actor, "demo", now=NOW),
        OWNERS,
        "project.restored",
        ("deleted",),
    ),
    "invite": Case(
        Act.INVITE,
        lambda actor: members.invite(actor, "demo", "stranger", Membership.Role.OWNER, now=NOW),
        OWNERS,
        "member.invited",
        publishes=False,
    ),
    "withdraw an invitation": Case(
        Act.INVITE,
        lambda actor: members.withdraw_invitation(actor, "demo", "invited", now=NOW),
        OWNERS,
        "member.invitation-withdrawn",
        publishes=False,
    ),
    "accept an invitation": Case(
        Act.ANSWER_INVITATION,
        lambda actor: members.accept_invitation(actor, "demo", now=NOW),
        {"invited"},
        "member.joined",
        publishes=False,
    ),
    "decline an invitation": Case(
        Act.ANSWER_INVITATION,
        lambda actor: members.decline_invitation(actor, "demo", now=NOW),
        {"invited"},
        "member.declined",
        publishes=False,
    ),
    "remove a member": Case(
        Act.REMOVE_MEMBER,
        lambda actor: members.remove_member(actor, "demo", "second", now=NOW),
        OWNERS,
        "member.removed",
        (*OPEN, "quarantined"),
        publishes=False,
    ),
    "leave": Case(
        Act.LEAVE,
        lambda actor: members.remove_member(actor, "demo", actor.username, now=NOW),
        {"maintainer", "owner"},
        "member.removed",
        publishes=False,
    ),
    "set the retention": Case(
        Act.SET_RETENTION,
        lambda actor: retention.set_retention(actor, "demo", Retention(keep_newest=3), now=NOW),
        OWNERS,
        "retention.set",
        publishes=False,
    ),
    "clear the retention": Case(
        Act.SET_RETENTION,
        lambda actor: retention.clear_retention(actor, "demo", now=NOW),
        OWNERS,
        "retention.cleared",
        publishes=False,
        before=lambda: RetentionRule.objects.create(project=Project.every.get(), max_days=1),
    ),
    "name publishers": Case(
        Act.NAME_PUBLISHERS,
        lambda actor: name_publishers(actor, "demo", ["github:acme/demo"], now=NOW),
        OWNERS,
        "publishers.named",
        publishes=False,
    ),
    "name no publishers": Case(
        Act.NAME_PUBLISHERS,
        lambda actor: name_publishers(actor, "demo", [], now=NOW),
        OWNERS,
        "publishers.cleared",
        publishes=False,
        before=lambda: AttestationIdentity.objects.create(project=Project.every.get(), identity="github:acme/demo"),
    ),
}


def make_demo() -> Project:
    """A project with one file, three members and somebody who is invited."""
    project = Project.objects.create(name="demo", display_name="Demo", created_at=NOW)
    for name, role in {"maintainer": "maintainer", "owner": "owner", "second": "owner"}.items():
        Membership.objects.create(project=project, user=User.objects.create(username=name), role=role)
    User.objects.create(username="stranger")
    User.objects.create(username="administrator", is_staff=True)
    invited = User.objects.create(username="invited")
    Invitation.objects.create(project=project, user=invited, role="maintainer", invited_by="owner", created_at=NOW)
    add_release(project, "1.0")
    return project


def add_release(project: Project, version: str, *, days: int = 0) -> File:
    release = Release.objects.create(project=project, version=version, created_at=NOW - timedelta(days=days))
    filename = f"{project.name}-{version}.tar.gz"
    values = {"sha256": "a" * 64, "size": 7, "uploaded_at": NOW, "state": "published", "voucher": "unclaimed"}
    return File.objects.create(release=release, filename=filename, **values)


def add_dependent(name: str, line: str) -> None:
    """A project with one release, which requires what the line says."""
    project, _ = Project.objects.get_or_create(name=name, display_name=name, defaults={"created_at": NOW})
    file = add_release(project, f"1.{project.releases.count()}")
    ReleaseDescription.objects.create(release=file.release, metadata={"requires_dist": [line]}, described_at=NOW)


def actor(name: str) -> Actor:
    return signed_in_actor(User.objects.get(username=name))


def put(status: str) -> None:
    """Bring the project into a status, as far as rows tell."""
    before = "active" if status == "quarantined" else ""
    Project.every.update(status=status, status_before=before)


def everything() -> list[object]:
    """All rows that acts change; but for the entry of a token that is made to act."""
    kinds = (Project.every, File.every, Release.objects, Membership.objects, Invitation.objects, RetentionRule.objects)
    rows = [list(kind.order_by("pk").values()) for kind in (*kinds, AttestationIdentity.objects)]
    return [*rows, JournalEntry.objects.exclude(act="token.created").count(), OutboxEntry.objects.count()]
