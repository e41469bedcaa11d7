"""What is new: the newest releases and projects of which something is published."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet, Subquery

from indexsite_client.protocol import NormalizedName
from packages.models import File, Project, Release


@dataclass(frozen=True, slots=True)
class NewRelease:
    """A release, or a project with one."""

    project: str
    display_name: str
    version: str
    summary: str
    created_at: datetime


def newest_releases(*, limit: int, project: NormalizedName | None = None) -> tuple[NewRelease, ...]:
    """The releases that came last, of one project or of all, newest first."""
    releases = Release.objects.select_related("project")
    if project is not None:
        releases = releases.filter(project__name=project)
    files = _published().filter(release=OuterRef("pk"))
    rows = releases.filter(Exists(files)).annotate(summary=Subquery(files.values("summary")[:1])).order_by("-pk")
    return tuple(
        NewRelease(row.project.name, row.project.display_name, row.version, row.summary, row.created_at)
        for row in rows[:limit]
    )


def newest_projects(*, limit: int) -> tuple[NewRelease, ...]:
    """The projects that came last, newest first; the version is that of their first file."""
    files = _published().filter(release__project=OuterRef("pk"))
    rows = Project.objects.filter(Exists(files)).annotate(
        summary=Subquery(files.values("summary")[:1]), version=Subquery(files.values("release__version")[:1])
    )
    return tuple(
        NewRelease(row.name, row.display_name, row.version, row.summary, row.created_at)
        for row in rows.order_by("-pk")[:limit]
    )


def _published() -> QuerySet[File]:
    return File.objects.filter(state=File.State.PUBLISHED).order_by("pk")
