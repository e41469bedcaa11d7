"""Whose attestations (PEP 740) a project takes: for those inside."""

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
from packages.attestations.naming import MOST, name_publishers

_LONGEST = 255  # characters


class PublishersSerializer(serializers.Serializer[Any]):  # Any: a dictionary
    """Publishers, each such as `github:acme/demo@release.yml`; none: those that the index names."""

    publishers = serializers.ListField(child=serializers.CharField(max_length=_LONGEST), max_length=MOST)


class PublisherList(ApiView):
    """`/projects/<name>/publishers/`."""

    @documented("get_publishers", tag="members", answers=PublishersSerializer)
    def get(self, request: Request, name: str) -> Response:
        """Those that the project names."""
        return Response({"publishers": insiders.publishers_of(known_reader(request), project_name(name))})

    @documented("name_publishers", tag="members", takes=PublishersSerializer, answers=DoneSerializer)
    def put(self, request: Request, name: str) -> Response:
        """Take attestations of these from now on, and of no others. What is attested already stays so."""
        actor, now = writing(request)
        said = read_body(request, PublishersSerializer)
        return Response({"changed": name_publishers(actor, project_name(name), said["publishers"], now=now)})

    @documented("clear_publishers", tag="members", answers=DoneSerializer)
    def delete(self, request: Request, name: str) -> Response:
        """Take those of the publishers that the index names."""
        actor, now = writing(request)
        return Response({"changed": name_publishers(actor, project_name(name), (), now=now)})
