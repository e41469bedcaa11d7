"""Owners and maintainers: invited by user name, they accept or decline; a project always keeps an owner."""

from datetime import datetime

from django.db.models import Q, QuerySet

from accounts.actors import Actor
from accounts.models import User
from packages.life.acting import Deed, acting
from packages.life.errors import AlreadyMemberError, LastOwnerError, NotThereError
from packages.life.rules import Act
from packages.models import Invitation, Membership

OWNER = Membership.Role.OWNER


def invite(actor: Actor, project: str, username: str, role: Membership.Role, *, now: datetime) -> None:
    """Offer somebody a role, or a member another one; an offer that waits is replaced."""
    with acting(actor, Act.INVITE, project, now=now) as deed:
        user = User.objects.filter(username=username, is_active=True).first()
        if user is None:
            raise NotThereError(f"There is no user {username[:150]} here; user names are case-sensitive.")
        if Membership.objects.filter(project=deed.project, user=user, role=role).exists():
            raise AlreadyMemberError(user.username, role.value, deed.project.name)
        offer = {"role": role, "invited_by": actor.username, "created_at": now}
        Invitation.objects.update_or_create(project=deed.project, user=user, defaults=offer)
        deed.note("member.invited", user=user.username, role=role.value)


def withdraw_invitation(actor: Actor, project: str, username: str, *, now: datetime) -> None:
    """Take an offer back; raises NotThereError."""
    with acting(actor, Act.INVITE, project, now=now) as deed:
        taken, _ = Invitation.objects.filter(project=deed.project, user__username=username).delete()
        if not taken:
            raise NotThereError(f"{username[:150]} is not invited to {deed.project}.")
        deed.note("member.invitation-withdrawn", user=username)


def accept_invitation(actor: Actor, project: str, *, now: datetime) -> None:
    """Take the role that the actor was offered."""
    with acting(actor, Act.ANSWER_INVITATION, project, now=now) as deed:
        offer = Invitation.objects.get(project=deed.project, user_id=actor.user_id)
        if offer.role != OWNER:
            _check_not_last_owner(deed, actor.user_id)
        Membership.objects.update_or_create(project=deed.project, user_id=actor.user_id, defaults={"role": offer.role})
        offer.delete()
        deed.note("member.joined", user=actor.username, role=offer.role, invited_by=offer.invited_by)


def decline_invitation(actor: Actor, project: str, *, now: datetime) -> None:
    """Leave the offer."""
    with acting(actor, Act.ANSWER_INVITATION, project, now=now) as deed:
        Invitation.objects.filter(project=deed.project, user_id=actor.user_id).delete()
        deed.note("member.declined", user=actor.username)


def remove_member(actor: Actor, project: str, username: str, *, now: datetime) -> None:
    """Remove a member, or leave; raises LastOwnerError, NotThereError."""
    act = Act.LEAVE if username == actor.username and not actor.is_administrator else Act.REMOVE_MEMBER
    with acting(actor, act, project, now=now) as deed:
        member = Membership.objects.select_related("user").filter(project=deed.project, user__username=username).first()
        if member is None:
            raise NotThereError(f"{username[:150]} is no member of {deed.project}.")
        _check_not_last_owner(deed, member.user_id)
        for offer in offers_that_end(member).select_related("user"):
            deed.note("member.invitation-withdrawn", user=offer.user.username)
            offer.delete()
        member.delete()
        deed.note("member.removed", user=username, role=member.role)


def offers_that_end(member: Membership) -> QuerySet[Invitation]:
    """The offers to and by a member, which end with the membership: or who was thrown out would come back by them."""
    to_or_by = Q(user=member.user_id) | Q(invited_by=member.user.username)
    return Invitation.objects.filter(to_or_by, project=member.project_id)


def _check_not_last_owner(deed: Deed, user_id: int) -> None:
    """Closed accounts own nothing that anybody could act on."""
    owners = Membership.objects.filter(project=deed.project, role=OWNER)
    others = owners.filter(user__is_active=True).exclude(user=user_id)
    if owners.filter(user=user_id).exists() and not others.exists():
        raise LastOwnerError(deed.project.name)
