"""What only those see who belong to a project, and administrators: members, invitations, retention, the journal."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from accounts.actors import Actor
from accounts.errors import AccessError
from indexsite_client.protocol import NormalizedName
from packages.attestations.models import AttestationIdentity
from packages.catalogue import Page, page_of
from packages.life.acting import roles_of
from packages.life.errors import NotThereError
from packages.life.retention import Retention
from packages.life.rules import Role
from packages.models import Invitation, JournalEntry, Membership, Project, RetentionRule

_INSIDERS = frozenset({Role.MAINTAINER, Role.OWNER, Role.ADMINISTRATOR})


class InsidersOnlyError(AccessError):
    """Who asks does not belong to the project, or the token is one for other projects."""

    code = "insiders-only"

    def __init__(self, project: str) -> None:
        super().__init__(
            f"Only members of {project} see this (ask an owner to invite you), and administrators with scope 'admin'."
        )
        self.project = project


class AdministratorsOnlyError(AccessError):
    """This is about the whole index."""

    code = "administrators-only"

    def __init__(self) -> None:
        super().__init__(
            "Only administrators see this, with a session or a token of the scope 'admin' that is for all projects."
        )


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody in a project."""

    user: str
    role: str


@dataclass(frozen=True, slots=True)
class Offer:
    """A role that waits for an answer."""

    project: str
    user: str
    role: str
    invited_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the journal; `number` and `sha256` are its place in the chain, once it is sealed."""

    id: int
    at: datetime
    actor: str
    token: int | None
    act: str
    project: str
    details: dict[str, object]
    number: int | None
    sha256: str


def roles_in(actor: Actor | None, project: str) -> frozenset[Role]:
    """What somebody is to a project; nothing where a token is limited to others, or there is no such project."""
    if actor is None or (actor.projects and project not in actor.projects):
        return frozenset()
    held = Project.every.filter(name=project).first()
    return roles_of(actor, held) if held else frozenset()


def is_insider(actor: Actor | None, project: str) -> bool:
    """Whether somebody belongs to a project, or looks after all of them."""
    return bool(roles_in(actor, project) & _INSIDERS)


def members_of(actor: Actor, project: NormalizedName) -> tuple[Member, ...]:
    """By user name; raises InsidersOnlyError or NotThereError."""
    rows = Membership.objects.filter(project=_held(actor, project)).select_related("user").order_by("user__username")
    return tuple(Member(row.user.username, row.role) for row in rows)


def invitations_to(actor: Actor, project: NormalizedName) -> tuple[Offer, ...]:
    """Those that wait for an answer; raises InsidersOnlyError or NotThereError."""
    return _offers(Invitation.objects.filter(project=_held(actor, project)))


def offers_for(actor: Actor) -> tuple[Offer, ...]:
    """The invitations of the one who asks."""
    found = Invitation.objects.filter(user=actor.user_id)
    return _offers(found.filter(project__name__in=actor.projects) if actor.projects else found)


def retention_of(actor: Actor, project: NormalizedName) -> Retention | None:
    """The rule, None where everything is kept; raises InsidersOnlyError or NotThereError."""
    row = RetentionRule.objects.filter(project=_held(actor, project)).first()
    return Retention(row.keep_newest, row.max_days) if row else None


def publishers_of(actor: Actor, project: NormalizedName) -> list[str]:
    """Those whose attestations it takes, by name; raises InsidersOnlyError or NotThereError."""
    named = AttestationIdentity.objects.filter(project=_held(actor, project))
    return sorted(named.values_list("identity", flat=True))


def journal_of(
    actor: Actor,
    project: NormalizedName,
    *,
    after: int | None,
    limit: int,
    act: str | None = None,
    since: datetime | None = None,
) -> Page[Entry]:
    """What happened to a project, deleted ones too, the newest first; raises InsidersOnlyError or NotThereError."""
    held = _held(actor, project)
    return _entries(JournalEntry.objects.filter(project=held.name), after=after, limit=limit, act=act, since=since)


def whole_journal(
    actor: Actor, *, after: int | None, limit: int, act: str | None = None, since: datetime | None = None
) -> Page[Entry]:
    """What happened in the index, the newest first; raises AdministratorsOnlyError."""
    if not actor.is_administrator or actor.projects:
        raise AdministratorsOnlyError
    return _entries(JournalEntry.objects.all(), after=after, limit=limit, act=act, since=since)


def _held(actor: Actor, project: NormalizedName) -> Project:
    held = Project.every.filter(name=project).first()
    if held is None:
        raise NotThereError(f"There is no project {project} here.")
    actor.require_project(project)
    if not is_insider(actor, project):
        raise InsidersOnlyError(project)
    return held


def _offers(found: QuerySet[Invitation]) -> tuple[Offer, ...]:
    rows = found.select_related("project", "user").order_by("pk")
    return tuple(Offer(row.project.name, row.user.username, row.role, row.invited_by, row.created_at) for row in rows)


def _entries(
    found: QuerySet[JournalEntry], *, after: int | None, limit: int, act: str | None, since: datetime | None
) -> Page[Entry]:
    if since is not None:
        found = found.filter(at__gte=since)  # entries are not quite in the order of their moments, so each is looked at
    if act:
        found = found.filter(act=act)
    if after is not None:
        found = found.filter(id__lt=after)
    rows, following = page_of(list(found.order_by("-id")[: limit + 1]), limit, key=lambda row: row.pk)
    return Page(tuple(_show(row) for row in rows), following)


def _show(row: JournalEntry) -> Entry:
    return Entry(row.pk, row.at, row.actor, row.token, row.act, row.project, row.details, row.number, row.sha256)
