"""Lists of what the index holds, a page at a time, each beginning behind the last row of the one before it.

So the ten-thousandth page costs what the first does, and the number of queries never depends on the number of rows.
Strangers see what is published; `every_file` shows those that wait or are withheld too, to members.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.db.models import Count, Exists, Model, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from packaging.version import InvalidVersion, Version

from indexsite_client.protocol import NormalizedName
from packages.life.errors import NotThereError
from packages.models import File, Membership, Project, Release

Item = TypeVar("Item")
Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some rows, and where the next page begins: behind this key; None on the last one."""

    rows: tuple[Item, ...]
    next: str | int | None


@dataclass(frozen=True, slots=True)
class ListedProject:
    """A project as it stands in a list; `id` for those who look further."""

    id: int
    name: NormalizedName
    display_name: str
    status: str
    status_reason: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ListedRelease:
    """`files` counts those that are shown; `yanked` is the reason, "" for none given, None for not yanked."""

    project: str
    version: str
    created_at: datetime
    reopened_until: datetime | None
    yanked: str | None
    files: int


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file; `size` in bytes, `yanked` as of a release, whose yank counts for its files."""

    project: str
    version: str
    filename: str
    sha256: str
    size: int
    requires_python: str
    metadata_sha256: str
    metadata_is_static: bool
    uploaded_at: datetime
    state: str
    voucher: str
    yanked: str | None


def list_projects(
    *,
    after: str | None,
    limit: int,
    prefix: str | None = None,
    status: str | None = None,
    member: int | None = None,
    among: frozenset[str] = frozenset(),
) -> Page[ListedProject]:
    """Projects by name. `member`: those of a user; `among`: of these only, where there are any."""
    found = Project.objects.order_by("name")
    if prefix:
        found = found.filter(name__startswith=prefix)
    if status:
        found = found.filter(status=status)
    if member is not None:
        found = found.filter(Exists(Membership.objects.filter(project=OuterRef("pk"), user=member)))
    if among:
        found = found.filter(name__in=among)
    if after is not None:
        found = found.filter(name__gt=after)
    return _page(found, limit, key=lambda row: row.name, show=_show_project)


def find_project(name: NormalizedName) -> ListedProject:
    """A project that is not deleted; raises NotThereError."""
    row = Project.objects.filter(name=name).first()
    if row is None:
        raise NotThereError(f"There is no project {name} here.")
    return _show_project(row)


def owners_of(project: ListedProject) -> tuple[str, ...]:
    """The user names of its owners, as its page tells them to everybody."""
    owners = Membership.objects.filter(project=project.id, role=Membership.Role.OWNER)
    return tuple(owners.order_by("user__username").values_list("user__username", flat=True))


def list_releases(
    *, after: int | None, limit: int, project: ListedProject | None = None, every_file: bool = False
) -> Page[ListedRelease]:
    """Releases that have files, the newest first, of one project or of all."""
    found = _releases(every_file=every_file).order_by("-pk")
    if project is not None:
        found = found.filter(project=project.id)
    if after is not None:
        found = found.filter(pk__lt=after)
    return _page(found, limit, key=lambda row: row.pk, show=_show_release)


def find_release(project: ListedProject, version: str, *, every_file: bool = False) -> ListedRelease:
    """Of any spelling of the version, its own before an equal one's (1.0, 1.0.0); raises NotThereError."""
    try:
        wanted = Version(version)
    except InvalidVersion as error:
        raise NotThereError(f"{version[:200]!r} is no version.") from error
    found = _releases(every_file=every_file).filter(project=project.id)
    equal = [row for row in found if Version(row.version) == wanted]
    if not equal:
        raise NotThereError(f"The project {project.name} has no release {wanted}.")
    return _show_release(min(equal, key=lambda row: row.version != str(wanted)))


def list_files(
    *,
    after: int | None,
    limit: int,
    project: ListedProject | None = None,
    version: str | None = None,
    state: str | None = None,
    every_file: bool = False,
) -> Page[ListedFile]:
    """Files, the newest first, of one project or of all; `version` as `ListedRelease` spells it."""
    found = _files(every_file=every_file).order_by("-pk")
    if project is not None:
        found = found.filter(release__project=project.id)
    if version:
        found = found.filter(release__version=version)
    if state:
        found = found.filter(state=state)
    if after is not None:
        found = found.filter(pk__lt=after)
    return _page(found, limit, key=lambda row: row.pk, show=_show_file)


def find_file(project: ListedProject, filename: str, *, every_file: bool = False) -> ListedFile:
    """A file by its name; raises NotThereError."""
    row = _files(every_file=every_file).filter(release__project=project.id, filename=filename).first()
    if row is None:
        raise NotThereError(f"The project {project.name} has no file {filename[:255]}.")
    return _show_file(row)


def page_of(rows: Sequence[Row], limit: int, *, key: Callable[[Row], str | int]) -> tuple[Sequence[Row], Any]:
    """Of one row more than is wanted: those of the page, and the key behind which the next one begins, if any."""
    return rows[:limit], key(rows[limit - 1]) if len(rows) > limit else None


def _page(
    found: QuerySet[Row], limit: int, *, key: Callable[[Row], str | int], show: Callable[[Row], Item]
) -> Page[Item]:
    rows, following = page_of(list(found[: limit + 1]), limit, key=key)
    return Page(tuple(show(row) for row in rows), following)


def _releases(*, every_file: bool) -> QuerySet[Release]:
    files = File.objects.filter(release=OuterRef("pk"))
    if not every_file:
        files = files.filter(state=File.State.PUBLISHED)
    count = files.order_by().values("release").annotate(count=Count("pk")).values("count")
    releases = Release.objects.select_related("project").filter(Exists(files))
    return releases.exclude(project__status=Project.Status.DELETED).annotate(count=Coalesce(Subquery(count), 0))


def _files(*, every_file: bool) -> QuerySet[File]:
    files = File.objects.select_related("release__project")
    return files if every_file else files.filter(state=File.State.PUBLISHED)


def _show_project(row: Project) -> ListedProject:
    name = NormalizedName(row.name)
    return ListedProject(row.pk, name, row.display_name, row.status, row.status_reason, row.created_at)


def _show_release(row: Release) -> ListedRelease:
    return ListedRelease(
        project=row.project.name,
        version=row.version,
        created_at=row.created_at,
        reopened_until=row.reopened_until,
        yanked=row.yanked_reason if row.is_yanked else None,
        files=row.count,  # type: ignore[attr-defined]  # annotated in _releases
    )


def _show_file(row: File) -> ListedFile:
    return ListedFile(
        project=row.release.project.name,
        version=row.release.version,
        filename=row.filename,
        sha256=row.sha256,
        size=row.size,
        requires_python=row.requires_python,
        metadata_sha256=row.metadata_sha256,
        metadata_is_static=row.metadata_is_static,
        uploaded_at=row.uploaded_at,
        state=row.state,
        voucher=row.voucher,
        yanked=row.yanked,
    )
