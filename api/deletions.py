"""Deleting a project, a release or a file, or only being told what would go."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.documented import documented
from api.files import FileDetails
from api.projects import ProjectDetails, project_name
from api.releases import ReleaseDetails
from api.view import read_query, writing
from packages.life import projects, releases
from packages.life.deletions import deletion_of_file, deletion_of_release
from packages.life.dependents import dependents_of
from packages.life.projects import Deletion, deletion_of


class DeletionSerializer(serializers.Serializer[Any]):  # Any: a dataclass
    """What goes, and who will miss it."""

    dry_run = serializers.BooleanField(help_text="true where nothing is deleted")
    project = serializers.CharField()
    releases = serializers.ListField(child=serializers.CharField())
    files = serializers.ListField(child=serializers.CharField())
    size = serializers.IntegerField(min_value=0, help_text="bytes of the files")
    members = serializers.ListField(child=serializers.CharField(), help_text="who keep a project's name")
    invitations = serializers.IntegerField(min_value=0, help_text="that go with a project")
    dependents = serializers.ListField(
        child=serializers.CharField(),
        allow_null=True,
        help_text="other projects here that require what goes and that nothing left would do for; null unless dry_run",
    )


class DeletionQuery(serializers.Serializer[Any]):
    """Whether it is meant."""

    dry_run = serializers.BooleanField(default=False, help_text="check everything, tell what would go, delete nothing")


class ProjectWithDeletion(ProjectDetails):
    """`/projects/<name>/`."""

    @documented("delete_project", tag="acts", query=DeletionQuery, answers=DeletionSerializer)
    def delete(self, request: Request, name: str) -> Response:
        """Delete page and files for good. The name stays with its members."""
        actor, now = writing(request)
        with _perhaps(request) as dry_run:
            going = deletion_of(project_name(name))
            projects.delete_project(actor, going.project, now=now)
        return _answer(going, dry_run=dry_run, everything=True)


class ReleaseWithDeletion(ReleaseDetails):
    """`/projects/<name>/releases/<version>/`."""

    @documented("delete_release", tag="acts", query=DeletionQuery, answers=DeletionSerializer)
    def delete(self, request: Request, name: str, version: str) -> Response:
        """Delete the files of a release for good. New ones, of other names, may come."""
        actor, now = writing(request)
        with _perhaps(request) as dry_run:
            going = deletion_of_release(actor, project_name(name), version, now=now)
            releases.delete_release(actor, going.project, version, now=now)
        return _answer(going, dry_run=dry_run)


class FileWithDeletion(FileDetails):
    """`/projects/<name>/files/<filename>/`."""

    @documented("delete_file", tag="acts", query=DeletionQuery, answers=DeletionSerializer)
    def delete(self, request: Request, name: str, filename: str) -> Response:
        """Delete a file for good: no file ever has its name again."""
        actor, now = writing(request)
        with _perhaps(request) as dry_run:
            going = deletion_of_file(actor, project_name(name), filename, now=now)
            releases.delete_file(actor, going.project, filename, now=now)
        return _answer(going, dry_run=dry_run)


@contextmanager
def _perhaps(request: Request) -> Iterator[bool]:
    """A transaction that is undone for a dry run, so that it is refused for whatever the deletion would be."""
    dry_run: bool = read_query(request, DeletionQuery)["dry_run"]
    with transaction.atomic():
        yield dry_run
        transaction.set_rollback(dry_run)


def _answer(going: Deletion, *, dry_run: bool, everything: bool = False) -> Response:
    said = {"dry_run": dry_run, **{name: getattr(going, name) for name in Deletion.__slots__}}
    said["dependents"] = _dependents(going, everything=everything) if dry_run else None
    return Response(DeletionSerializer(said).data)


def _dependents(going: Deletion, *, everything: bool) -> list[str]:
    """Looked up after the transaction, which a dry run has undone."""
    if everything:
        return dependents_of(going.project)
    return dependents_of(going.project, losing=going.releases) if going.releases else []
