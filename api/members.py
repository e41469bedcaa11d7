"""Who belongs to a project, who is invited, and its retention: for those inside."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.acts import DoneSerializer
from api.authentication import known_reader
from api.documented import documented
from api.projects import project_name
from api.view import ApiView, read_body, writing
from packages import insiders
from packages.life import members, retention
from packages.life.retention import Retention
from packages.models import Membership


class MemberSerializer(serializers.Serializer[Any]):  # Any: a dataclass, here and in what follows
    """A member."""

    user = serializers.CharField()
    role = serializers.ChoiceField(choices=Membership.Role.values)


class OfferSerializer(serializers.Serializer[Any]):
    """An invitation that waits for an answer."""

    project = serializers.CharField()
    user = serializers.CharField()
    role = serializers.ChoiceField(choices=Membership.Role.values)
    invited_by = serializers.CharField()
    created_at = serializers.DateTimeField()


class InviteSerializer(serializers.Serializer[Any]):
    """Whom to invite, as what. An invitation that waits is replaced."""

    user = serializers.CharField(max_length=150, help_text="user name; case counts")
    role = serializers.ChoiceField(choices=Membership.Role.values)


class RetentionSerializer(serializers.Serializer[Any]):
    """Which pre- and dev-releases are kept: the newest so many, or those up to an age; both null: all of them."""

    keep_newest = serializers.IntegerField(allow_null=True, default=None)
    max_days = serializers.IntegerField(allow_null=True, default=None)


class MemberList(ApiView):
    """`/projects/<name>/members/`."""

    @documented("list_members", tag="members", answers=MemberSerializer(many=True))
    def get(self, request: Request, name: str) -> Response:
        """Owners and maintainers, by user name."""
        found = insiders.members_of(known_reader(request), project_name(name))
        return Response(MemberSerializer(found, many=True).data)


class MemberDetails(ApiView):
    """`/projects/<name>/members/<user>/`."""

    @documented("remove_member", tag="members", answers=DoneSerializer)
    def delete(self, request: Request, name: str, user: str) -> Response:
        """Remove a member, or leave. A project always keeps an owner."""
        actor, now = writing(request)
        members.remove_member(actor, project_name(name), user, now=now)
        return Response({"changed": True})


class InvitationList(ApiView):
    """`/projects/<name>/invitations/`."""

    @documented("list_invitations", tag="members", answers=OfferSerializer(many=True))
    def get(self, request: Request, name: str) -> Response:
        """Invitations that wait for an answer."""
        found = insiders.invitations_to(known_reader(request), project_name(name))
        return Response(OfferSerializer(found, many=True).data)

    @documented("invite", tag="members", takes=InviteSerializer, answers=DoneSerializer)
    def post(self, request: Request, name: str) -> Response:
        """Offer somebody a role, or a member another one."""
        actor, now = writing(request)
        said = read_body(request, InviteSerializer)
        members.invite(actor, project_name(name), said["user"], Membership.Role(said["role"]), now=now)
        return Response({"changed": True})


class InvitationDetails(ApiView):
    """`/projects/<name>/invitations/<user>/`."""

    @documented("withdraw_invitation", tag="members", answers=DoneSerializer)
    def delete(self, request: Request, name: str, user: str) -> Response:
        """Take an invitation back."""
        actor, now = writing(request)
        members.withdraw_invitation(actor, project_name(name), user, now=now)
        return Response({"changed": True})


class RetentionDetails(ApiView):
    """`/projects/<name>/retention/`."""

    @documented("get_retention", tag="members", answers=RetentionSerializer)
    def get(self, request: Request, name: str) -> Response:
        """The project's rule."""
        found = insiders.retention_of(known_reader(request), project_name(name))
        said = {"keep_newest": found.keep_newest, "max_days": found.max_days} if found else {}
        return Response({"keep_newest": None, "max_days": None, **said})

    @documented("set_retention", tag="members", takes=RetentionSerializer, answers=DoneSerializer)
    def put(self, request: Request, name: str) -> Response:
        """Set one of the two. The worker follows within the hour, and what it deletes is gone for good."""
        actor, now = writing(request)
        said = read_body(request, RetentionSerializer)
        if said == {"keep_newest": None, "max_days": None}:
            return Response({"changed": retention.clear_retention(actor, project_name(name), now=now)})
        rule = Retention(keep_newest=said["keep_newest"], max_days=said["max_days"])
        retention.set_retention(actor, project_name(name), rule, now=now)
        return Response({"changed": True})

    @documented("clear_retention", tag="members", answers=DoneSerializer)
    def delete(self, request: Request, name: str) -> Response:
        """Keep everything from now on."""
        actor, now = writing(request)
        return Response({"changed": retention.clear_retention(actor, project_name(name), now=now)})
