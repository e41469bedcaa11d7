"""What is offered about members and invitations, and to those who are invited."""

from collections.abc import Iterator

from django.urls import reverse

from packages.life import members
from packages.life.rules import Act
from packages.manage.forms import InviteForm
from packages.manage.offers import Offer
from packages.models import Invitation, Membership, Project


def invite_offer(project: Project) -> Offer:
    """Invite somebody by user name."""
    name = project.name
    return Offer(
        key="invite",
        act=Act.INVITE,
        title="Invite",
        said="",
        button="Invite",
        done="The invitation waits on their page “Your projects” until they accept or decline it.",
        do=lambda actor, values, now: members.invite(
            actor, name, values["username"], Membership.Role(values["role"]), now=now
        ),
        form=InviteForm,
    )


def member_offers(project: Project, member: Membership, *, by: str, is_last_owner: bool) -> Iterator[Offer]:
    """About one member, to somebody of this user name. The last owner can neither leave nor step down."""
    name, username = project.name, member.user.username
    role = Membership.Role.MAINTAINER if member.role == Membership.Role.OWNER else Membership.Role.OWNER
    yield Offer(
        key="change-role",
        act=Act.INVITE,
        target=username,
        title=f"Make {role.value}",
        said=f"{username} is asked, and stays {member.role} until then.",
        button="Ask them",
        done=f"{username} stays {member.role} until they accept.",
        do=lambda actor, values, now: members.invite(actor, name, username, role, now=now),
        makes_sense=username != by and not is_last_owner,
    )
    yield Offer(
        key="remove",
        act=Act.REMOVE_MEMBER,
        target=username,
        title="Remove",
        said=f"{username} can neither upload to {name} nor manage it any more. Their tokens lose this project at once.",
        button="Remove this member",
        done=f"{username} is no longer a member.",
        do=lambda actor, values, now: members.remove_member(actor, name, username, now=now),
        makes_sense=username != by and not is_last_owner,
        is_grave=True,
    )
    yield Offer(
        key="leave",
        act=Act.LEAVE,
        target=username,
        title="Leave",
        said=f"You can neither upload to {name} nor manage it any more, until an owner invites you again.",
        button="Leave the project",
        done=f"You are no longer a member of {name}.",
        do=lambda actor, values, now: members.remove_member(actor, name, username, now=now),
        makes_sense=username == by and not is_last_owner,
        to=reverse("manage"),
        is_grave=True,
    )


def withdrawal_offer(project: Project, invitation: Invitation) -> Offer:
    """Take an invitation back."""
    name, username = project.name, invitation.user.username
    return Offer(
        key="withdraw",
        act=Act.INVITE,
        target=username,
        title="Withdraw",
        said="",
        button="Withdraw",
        done=f"{username} is no longer invited.",
        do=lambda actor, values, now: members.withdraw_invitation(actor, name, username, now=now),
    )


def answer_offers(project: Project, role: str) -> Iterator[Offer]:
    """To who is invited."""
    name = project.name
    yield Offer(
        key="accept",
        act=Act.ANSWER_INVITATION,
        target=name,
        title="Accept",
        said="",
        button="Accept",
        done=f"You are {role} of {name} now.",
        do=lambda actor, values, now: members.accept_invitation(actor, name, now=now),
    )
    yield Offer(
        key="decline",
        act=Act.ANSWER_INVITATION,
        target=name,
        title="Decline",
        said="",
        button="Decline",
        done=f"You declined the invitation to {name}.",
        do=lambda actor, values, now: members.decline_invitation(actor, name, now=now),
    )
