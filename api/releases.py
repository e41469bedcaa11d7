"""Releases, of one project or of all."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.authentication import reader
from api.documented import PageQuery, answer_page, documented, page_shape
from api.projects import project_name
from api.view import ApiView, read_query
from packages import catalogue, insiders


class ReleaseSerializer(serializers.Serializer[Any]):  # Any: a dataclass
    """A release. `yanked` is the reason (PEP 592), "" where none is given, null where it is not yanked."""

    project = serializers.CharField()
    version = serializers.CharField()
    created_at = serializers.DateTimeField()
    reopened_until = serializers.DateTimeField(allow_null=True)
    yanked = serializers.CharField(allow_null=True, allow_blank=True)
    files = serializers.IntegerField(min_value=0, help_text="that you may see")


class NewestReleases(ApiView):
    """`/releases/`."""

    @documented(
        "list_newest_releases", tag="releases", query=PageQuery, answers=page_shape(ReleaseSerializer), is_open=True
    )
    def get(self, request: Request) -> Response:
        """Releases of all projects with published files, the newest first."""
        query = read_query(request, PageQuery)
        page = catalogue.list_releases(after=query["cursor"], limit=query["limit"])
        return answer_page(request, page, ReleaseSerializer)


class ReleaseList(ApiView):
    """`/projects/<name>/releases/`."""

    @documented("list_releases", tag="releases", query=PageQuery, answers=page_shape(ReleaseSerializer), is_open=True)
    def get(self, request: Request, name: str) -> Response:
        """Releases of a project, the newest first. Its members see those too of which nothing is published yet."""
        query = read_query(request, PageQuery)
        found = catalogue.find_project(project_name(name))
        page = catalogue.list_releases(
            project=found,
            after=query["cursor"],
            limit=query["limit"],
            every_file=insiders.is_insider(reader(request), found.name),
        )
        return answer_page(request, page, ReleaseSerializer)


class ReleaseDetails(ApiView):
    """`/projects/<name>/releases/<version>/`."""

    @documented("get_release", tag="releases", answers=ReleaseSerializer, is_open=True)
    def get(self, request: Request, name: str, version: str) -> Response:
        """A release, by any spelling of its version."""
        found = catalogue.find_project(project_name(name))
        every_file = insiders.is_insider(reader(request), found.name)
        return Response(ReleaseSerializer(catalogue.find_release(found, version, every_file=every_file)).data)
