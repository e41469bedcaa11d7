"""Projects: the list, and one of them."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.errors import CredentialsMissingError
from api.authentication import reader
from api.documented import MOST_ROWS, answer_page, documented, page_shape
from api.view import ApiView, read_query
from indexsite_client.protocol import NormalizedName, ProtocolError, normalize_name
from packages import catalogue, insiders
from packages.index_address import index_address
from packages.life.errors import NotThereError
from packages.models import Project

SHOWN_STATUSES = [status for status in Project.Status.values if status != Project.Status.DELETED]


class ProjectSerializer(serializers.Serializer[Any]):  # Any: a dataclass, here and in what follows
    """A project. `status` and its reason are those of PEP 792."""

    name = serializers.CharField(help_text="normalized")
    display_name = serializers.CharField()
    status = serializers.ChoiceField(choices=SHOWN_STATUSES)
    status_reason = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()


class ProjectDetailsSerializer(ProjectSerializer):
    """A project, with who owns it, and what you are to it."""

    owners = serializers.ListField(child=serializers.CharField())
    roles = serializers.ListField(child=serializers.CharField(), help_text="yours; empty for strangers")
    page = serializers.URLField(help_text="for people")


class ProjectsQuery(serializers.Serializer[Any]):
    """Which projects."""

    limit = serializers.IntegerField(min_value=1, max_value=MOST_ROWS, default=50, help_text="rows of a page")
    cursor = serializers.RegexField(
        r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=200, default=None, help_text="of the next page, as `next` has it"
    )
    prefix = serializers.RegexField(
        r"^[a-z0-9-]+$", max_length=200, default=None, help_text="what the normalized name begins with"
    )
    status = serializers.ChoiceField(choices=SHOWN_STATUSES, default=None)
    mine = serializers.BooleanField(default=False, help_text="only those of which you are owner or maintainer")


class ProjectList(ApiView):
    """`/projects/`."""

    @documented(
        "list_projects", tag="projects", query=ProjectsQuery, answers=page_shape(ProjectSerializer), is_open=True
    )
    def get(self, request: Request) -> Response:
        """Projects by name."""
        query = read_query(request, ProjectsQuery)
        asking = reader(request)
        if query["mine"] and asking is None:
            raise CredentialsMissingError
        only_mine = asking if query["mine"] else None
        page = catalogue.list_projects(
            after=query["cursor"],
            limit=query["limit"],
            prefix=query["prefix"],
            status=query["status"],
            member=only_mine.user_id if only_mine else None,
            among=only_mine.projects if only_mine else frozenset(),
        )
        return answer_page(request, page, ProjectSerializer)


class ProjectDetails(ApiView):
    """`/projects/<name>/`."""

    @documented("get_project", tag="projects", answers=ProjectDetailsSerializer, is_open=True)
    def get(self, request: Request, name: str) -> Response:
        """A project, by any spelling of its name."""
        found = catalogue.find_project(project_name(name))
        said = ProjectSerializer(found).data
        said["owners"] = list(catalogue.owners_of(found))
        said["roles"] = sorted(insiders.roles_in(reader(request), found.name))
        said["page"] = f"{index_address(request)}/project/{found.name}/"
        return Response(said)


def project_name(text: str) -> NormalizedName:
    """The normalized name; raises NotThereError for what can be none."""
    try:
        return normalize_name(text)
    except ProtocolError as error:
        raise NotThereError(str(error)) from error
