"""Who asks, as the index sees it, and what they are invited to."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.own_tokens import find_token
from api.authentication import known_reader
from api.documented import documented
from api.members import OfferSerializer
from api.tokens import TokenSerializer
from api.view import ApiView
from packages import insiders


class MeSerializer(serializers.Serializer[Any]):  # Any: plain values
    """Who asks."""

    username = serializers.CharField()
    is_administrator = serializers.BooleanField(help_text="here and now: with a token, of the scope `admin` only")
    token = TokenSerializer(allow_null=True, help_text="that was sent; null with a session")


class Me(ApiView):
    """`/me/`."""

    @documented("who_am_i", tag="me", answers=MeSerializer)
    def get(self, request: Request) -> Response:
        """Who asks, and with which token."""
        actor = known_reader(request)
        token = find_token(actor, actor.token_id) if actor.token_id is not None else None
        said = {"username": actor.username, "is_administrator": actor.is_administrator, "token": token}
        return Response(MeSerializer(said).data)


class MyInvitations(ApiView):
    """`/me/invitations/`."""

    @documented("list_my_invitations", tag="me", answers=OfferSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Invitations that wait for your answer."""
        return Response(OfferSerializer(insiders.offers_for(known_reader(request)), many=True).data)
