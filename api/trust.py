"""What there is to trust: the tree of roles of the current publication, with keys, and what warrants a warning."""

from typing import Any

from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.documented import documented
from api.view import ApiView
from tufsigning.recovery import bulletins
from tufsigning.trust import reader


class KeySerializer(serializers.Serializer[Any]):  # Any: a dataclass
    """A public key of a role."""

    id = serializers.CharField()
    kind = serializers.CharField(help_text="such as `ed25519`")
    holder = serializers.CharField(allow_blank=True, help_text="who holds it, where the root says so")


class RoleSerializer(serializers.Serializer[Any]):  # Any: as above
    """A role; all bins are one, with the newest of their versions and the soonest of their ends."""

    name = serializers.CharField()
    delegator = serializers.CharField(allow_blank=True)
    is_online = serializers.BooleanField(help_text="signed by the server itself")
    threshold = serializers.IntegerField(min_value=1)
    keys = KeySerializer(many=True)
    version = serializers.IntegerField(min_value=1)
    expires = serializers.DateTimeField(allow_null=True)
    count = serializers.IntegerField(min_value=1)


class WarnedSerializer(serializers.Serializer[Any]):  # Any: as above
    """Something that people must know or do."""

    code = serializers.ChoiceField(["development", "key-rotation", "role-expiring", "role-expired"])
    role = serializers.CharField(allow_blank=True)
    sentence = serializers.CharField()


class LogHeadSerializer(serializers.Serializer[Any]):  # Any: as above
    """Where the current publication stands in the public log, `/tuf/log`."""

    number = serializers.IntegerField(min_value=1)
    sha256 = serializers.CharField()


class BulletinSerializer(serializers.Serializer[Any]):  # Any: as above
    """What users are told about a matter of trust, in plain text."""

    id = serializers.IntegerField(min_value=1)
    title = serializers.CharField()
    happened = serializers.CharField()
    keys = serializers.CharField(allow_blank=True)
    releases = serializers.CharField(allow_blank=True)
    advice = serializers.CharField()
    published_at = serializers.DateTimeField()
    warns_until = serializers.DateTimeField(allow_null=True, help_text="how long `/trust/` warns of it")


class TrustSerializer(serializers.Serializer[Any]):  # Any: as above
    """The trust of the index, as the page `/trust/` shows it."""

    index_id = serializers.CharField()
    publication = serializers.IntegerField(min_value=1)
    is_development = serializers.BooleanField(help_text="of a development ceremony: every key lies on the server")
    root_version = serializers.IntegerField(min_value=1)
    fingerprint = serializers.CharField(help_text="SHA-256 of the newest root; compare it with one from elsewhere")
    roles = RoleSerializer(many=True)
    warnings = WarnedSerializer(many=True)
    log = LogHeadSerializer(allow_null=True)
    bulletins = BulletinSerializer(many=True, help_text="the newest first, at most 40")


class TrustDetails(ApiView):
    """`/trust/`."""

    @documented("show_trust", tag="trust", answers=TrustSerializer, is_open=True)
    def get(self, request: Request) -> Response:
        """The tree of roles of the current publication, and what warrants a warning."""
        found = reader.trust()
        said = {
            "index_id": found.index_id,
            "publication": found.publication,
            "is_development": found.is_development,
            "root_version": found.root_version,
            "fingerprint": found.fingerprint,
            "roles": found.roles,
            "warnings": found.warned(timezone.now()),
            "log": found.entry,
            "bulletins": bulletins.published(now=timezone.now(), limit=40),
        }
        return Response(TrustSerializer(said).data)
