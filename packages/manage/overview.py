"""What the pages of management show: one's projects and invitations, a project's releases, a release's files."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, Min, Q, Sum
from packaging.version import InvalidVersion, Version

from accounts.models import User
from packages.models import File, Invitation, Membership, Project, Release


@dataclass(frozen=True, slots=True)
class MyProject:
    """A project that somebody is a member of. `uploaded_at` is its newest file's, None without files."""

    name: str
    display_name: str
    role: str
    status: str
    releases: int
    uploaded_at: datetime | None


@dataclass(frozen=True, slots=True)
class ReleaseRow:
    """A release in the table of its project; `size` in bytes, `yanked_files` those that are yanked by themselves."""

    version: str
    is_yanked: bool
    yanked_reason: str
    files: int
    size: int
    uploaded_at: datetime
    yanked_files: int
    waiting: int

    @property
    def is_prerelease(self) -> bool:
        return Version(self.version).is_prerelease


def projects_of(user: User) -> list[MyProject]:
    """The projects of a user by name, the deleted ones too."""
    with_files = File.objects.filter(release__project__memberships__user=user).values_list("release__project")
    counted = with_files.annotate(Count("release", distinct=True), Max("uploaded_at"))
    files = {pk: (releases, newest) for pk, releases, newest in counted}
    return [
        MyProject(
            name=mine.project.name,
            display_name=mine.project.display_name,
            role=mine.role,
            status=mine.project.status,
            releases=files.get(mine.project_id, (0, None))[0],
            uploaded_at=files.get(mine.project_id, (0, None))[1],
        )
        for mine in Membership.objects.filter(user=user).select_related("project").order_by("project__name")
    ]


def invitations_of(user: User) -> list[Invitation]:
    """What a user is invited to and can accept now, the oldest first."""
    waiting = Invitation.objects.filter(user=user).exclude(project__status__in=("quarantined", "deleted"))
    return list(waiting.select_related("project").order_by("created_at"))


def releases_of(project: Project) -> list[ReleaseRow]:
    """The releases of a project that have files, newest first."""
    files = File.objects.filter(release__project=project)
    by_release = files.values_list("release__version", "release__is_yanked", "release__yanked_reason").annotate(
        number=Count("id"),
        bytes=Sum("size"),
        since=Min("uploaded_at"),
        yanked_ones=Count("id", filter=Q(is_yanked=True)),
        waiting=Count("id", filter=Q(state=File.State.WAITING)),
    )
    return sorted((ReleaseRow(*row) for row in by_release), key=lambda row: Version(row.version), reverse=True)


def release_of(project: Project, version: str) -> Release | None:
    """The release of a version in whatever spelling that has files; None where there is none."""
    try:
        normal = str(Version(version))
    except InvalidVersion:
        return None
    with_files = Release.objects.filter(pk__in=File.objects.filter(release__project=project).values("release"))
    return with_files.filter(version=normal).first()
