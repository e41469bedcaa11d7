"""The frame of every act: the project's row is held, who acts is checked, and what is done is journalled with it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from accounts.actors import Actor
from packages import journal, outbox
from packages.life.errors import NotThereError, ReasonFaultyError, StatusForbidsError
from packages.life.rules import Act, Role, check_roles, makes_sense
from packages.models import REASON, Invitation, Membership, Project


@dataclass(frozen=True, slots=True)
class Deed:
    """An act in its transaction. The actor is None where Indexsite acts by a rule that an owner has set."""

    project: Project
    actor: Actor | None
    now: datetime

    def note(self, act: str, **details: str | int) -> None:
        """Write it into the journal."""
        journal.entry(act, now=self.now, caller=self.actor, project=self.project.name, **details).save()

    def publish(self) -> None:
        """Have the project's page and targets signed anew."""
        outbox.record(self.project, now=self.now)


@contextmanager
def acting(actor: Actor | None, act: Act, project: str, *, now: datetime) -> Iterator[Deed]:
    """A transaction that holds the project; raises NotThereError, AccessError or StatusForbidsError.

    Acts on one project come one after another, so that two of them never leave it without an owner.
    """
    with transaction.atomic():
        held = Project.every.select_for_update().filter(name=project).first()
        if held is None:
            raise NotThereError(f"There is no project {project[:200]} here.")
        if actor is not None:
            actor.require_project(held.name)
            check_roles(act, project=held.name, roles=roles_of(actor, held), status=held.status)
        if not makes_sense(act, status=held.status):
            raise StatusForbidsError(act, held.name, held.status)
        yield Deed(held, actor, now)


def roles_of(actor: Actor, project: Project) -> frozenset[Role]:
    """What the actor is to the project."""
    found = {Role.ADMINISTRATOR} if actor.is_administrator else set()
    membership = Membership.objects.filter(project=project, user_id=actor.user_id).first()
    if membership is not None:
        found.add(Role(membership.role))
    if Invitation.objects.filter(project=project, user_id=actor.user_id).exists():
        found.add(Role.INVITED)
    return frozenset(found)


def checked_reason(reason: str) -> str:
    """The reason as pages show it; raises ReasonFaultyError."""
    text = reason.strip()
    if len(text) > REASON:
        raise ReasonFaultyError(f"The reason is longer than {REASON} characters; shorten it.")
    if not text.isprintable():
        raise ReasonFaultyError("The reason has line breaks or other control characters; write one line of plain text.")
    return text
