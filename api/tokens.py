"""One's own API tokens: the list, new ones, and their end. A token never makes another one."""

from datetime import timedelta
from typing import Any

from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actors import Actor
from accounts.callers import Caller, Scope, create_token
from accounts.errors import AccessError
from accounts.freshness import check_signed_in_lately
from accounts.models import User
from accounts.own_tokens import list_tokens, revoke_token, token_of_text
from api.acts import DoneSerializer
from api.authentication import known_reader
from api.documented import PageQuery, answer_page, documented, page_shape
from api.view import ApiView, read_body, read_query
from indexsite_client.protocol import NormalizedName, ProtocolError, normalize_name
from packages.catalogue import Page

_MOST_PROJECTS = 50


class SessionNeededError(AccessError):
    """A stolen token must not be able to outlive its revocation in others that it made."""

    code = "session-needed"

    def __init__(self) -> None:
        super().__init__("A token makes no other tokens: sign in at the pages, or use create_token on the server.")


class TokenSerializer(serializers.Serializer[Any]):  # Any: a dataclass
    """A token, without its text. `hint` is how that begins; no projects: all of them."""

    id = serializers.IntegerField(min_value=1)
    name = serializers.CharField(allow_blank=True)
    hint = serializers.CharField()
    scopes = serializers.ListField(child=serializers.CharField())
    projects = serializers.ListField(child=serializers.CharField())
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True)


class MadeTokenSerializer(TokenSerializer):
    """A token that was just made, with its text, which is shown this once."""

    token = serializers.CharField()


class NewTokenSerializer(serializers.Serializer[Any]):
    """What a token is to be. `admin` stands for every act that you yourself may do."""

    name = serializers.CharField(max_length=100, help_text="what it is for")
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=[Scope.READ.value, Scope.UPLOAD.value, Scope.ADMIN.value]),
        min_length=1,
        max_length=3,
    )
    projects = serializers.ListField(
        child=serializers.CharField(max_length=200),
        default=[],
        max_length=_MOST_PROJECTS,
        help_text="to which it is limited, but for reading what everybody reads; none: no limit",
    )
    days = serializers.IntegerField(min_value=1, max_value=36_500, allow_null=True, help_text="null: until revoked")

    def validate_projects(self, names: list[str]) -> list[NormalizedName]:
        """Normalized."""
        try:
            return [normalize_name(name) for name in names]
        except ProtocolError as error:
            raise serializers.ValidationError(str(error)) from error


class TokenList(ApiView):
    """`/tokens/`."""

    @documented("list_tokens", tag="tokens", query=PageQuery, answers=page_shape(TokenSerializer))
    def get(self, request: Request) -> Response:
        """Your tokens. A token sees itself; with the scope `admin` and no limit to projects, all of them."""
        query = read_query(request, PageQuery)
        actor = known_reader(request)
        limit = query["limit"]
        found = list_tokens(actor, all_of_them=_sees_all(request, actor), after=query["cursor"], limit=limit + 1)
        page = Page(found[:limit], found[limit - 1].id if len(found) > limit else None)
        return answer_page(request, page, TokenSerializer)

    @documented("create_token", tag="tokens", takes=NewTokenSerializer, answers=MadeTokenSerializer, status=201)
    def post(self, request: Request) -> Response:
        """Make a token. Only with a session; one of the scope `admin` only soon after signing in."""
        actor = known_reader(request)
        if actor.token_id is not None:
            raise SessionNeededError
        said = read_body(request, NewTokenSerializer)
        assert isinstance(request.user, User)  # known_reader has seen to it
        if Scope.ADMIN in said["scopes"]:
            check_signed_in_lately(request._request, request.user)
        text = create_token(
            request.user,
            scopes={Scope(scope) for scope in said["scopes"]},
            projects=said["projects"],
            now=timezone.now(),
            lifetime=timedelta(days=said["days"]) if said["days"] else None,
            name=said["name"],
        )
        made = TokenSerializer(token_of_text(actor, text)).data
        return Response({**made, "token": text}, status=201)


class TokenDetails(ApiView):
    """`/tokens/<id>/`."""

    @documented("revoke_token", tag="tokens", answers=DoneSerializer)
    def delete(self, request: Request, token_id: int) -> Response:
        """End a token of yours. Any token may end itself. Possible while the index is read-only, too."""
        actor = known_reader(request)
        revoke_token(actor, token_id, all_of_them=_sees_all(request, actor), now=timezone.now())
        return Response({"changed": True})


def _sees_all(request: Request, actor: Actor) -> bool:
    """Whether all tokens of the user are this caller's business."""
    if not isinstance(request.auth, Caller):
        return True
    return Scope.ADMIN in request.auth.scopes and not actor.projects
