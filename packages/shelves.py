"""What the pages for people show of the index: the latest projects, and a project with its releases and files."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max
from packaging.version import InvalidVersion, Version

from indexsite_client.protocol import NormalizedName
from packages.attestations.identities import Publisher
from packages.models import File, Project


@dataclass(frozen=True, slots=True)
class LatestProject:
    """A project with its newest file."""

    name: str
    display_name: str
    version: str
    summary: str
    uploaded_at: datetime


@dataclass(frozen=True, slots=True)
class ShelvedFile:
    """A file as people see it; `size` in bytes, `yanked` the reason, "" for none given, None for not yanked."""

    filename: str
    sha256: str
    size: int
    version: str
    requires_python: str
    summary: str
    uploaded_at: datetime
    voucher: str
    yanked: str | None
    attested_by: Publisher | None = None

    @property
    def is_wheel(self) -> bool:
        return self.filename.endswith(".whl")


@dataclass(frozen=True, slots=True)
class ShelvedRelease:
    """A release and its published files."""

    version: str
    files: tuple[ShelvedFile, ...]

    @property
    def is_prerelease(self) -> bool:
        return Version(self.version).is_prerelease

    @property
    def yanked(self) -> str | None:
        """Why it is yanked, as its first file says; None while a file is not."""
        is_yanked = all(file.yanked is not None for file in self.files)
        return self.files[0].yanked if is_yanked else None

    @property
    def is_yanked(self) -> bool:
        return self.yanked is not None

    @property
    def requires_python(self) -> str:
        return self.files[0].requires_python

    @property
    def summary(self) -> str:
        return self.files[0].summary

    @property
    def uploaded_at(self) -> datetime:
        """When its first file came."""
        return min(file.uploaded_at for file in self.files)


def latest_of(releases: Sequence[ShelvedRelease]) -> ShelvedRelease | None:
    """Of releases, newest first, the first that is not yanked and no pre-release, else the first; None of none."""
    offered = [release for release in releases if not release.is_yanked]
    final = [release for release in offered if not release.is_prerelease]
    return next(iter(final or offered or releases), None)


@dataclass(frozen=True, slots=True)
class ProjectShelf:
    """A project: its releases, newest first, and how many files wait to be signed."""

    name: str
    display_name: str
    owners: tuple[str, ...]
    releases: tuple[ShelvedRelease, ...]
    waiting: int
    status: str
    status_reason: str

    @property
    def latest(self) -> ShelvedRelease | None:
        """See `latest_of`."""
        return latest_of(self.releases)

    def release(self, version: str) -> ShelvedRelease | None:
        """The release of a version in whatever spelling (1.0, v1.0.0), None where there is none."""
        try:
            wanted = Version(version)
        except InvalidVersion:
            return None
        equal = [release for release in self.releases if Version(release.version) == wanted]
        exact = [release for release in equal if release.version == str(wanted)]
        return next(iter(exact or equal), None)

    @property
    def summary(self) -> str:
        return self.latest.files[0].summary if self.latest else ""

    @property
    def vouchers(self) -> tuple[str, ...]:
        """The TUF roles that vouch for its files, each once."""
        return tuple(sorted({file.voucher for release in self.releases for file in release.files}))


def latest_projects(*, limit: int) -> tuple[LatestProject, ...]:
    """The projects whose files were published last, newest first."""
    newest = File.objects.filter(state=File.State.PUBLISHED).values("release__project").annotate(last=Max("id"))
    ids = newest.order_by("-last").values_list("last", flat=True)[:limit]
    files = File.objects.filter(id__in=list(ids)).select_related("release__project").order_by("-id")
    return tuple(
        LatestProject(
            name=file.release.project.name,
            display_name=file.release.project.display_name,
            version=file.release.version,
            summary=file.summary,
            uploaded_at=file.uploaded_at,
        )
        for file in files
    )


def project_shelf(name: NormalizedName) -> ProjectShelf | None:
    """The project, None where the index has none of that name."""
    project = Project.objects.filter(name=name).first()
    if project is None:
        return None
    files = File.objects.filter(release__project=project).select_related("release", "provenance").order_by("filename")
    published = [file for file in files if file.state == File.State.PUBLISHED]
    owners = project.memberships.filter(role="owner").order_by("user__username")
    return ProjectShelf(
        name=project.name,
        display_name=project.display_name,
        owners=tuple(owners.values_list("user__username", flat=True)),
        releases=_by_release(published),
        waiting=sum(file.state == File.State.WAITING for file in files),
        status=project.status,
        status_reason=project.status_reason,
    )


def published_releases(project_ids: Collection[int]) -> dict[int, tuple[ShelvedRelease, ...]]:
    """What is published of these projects, newest first, in one query; a project of which nothing is is not there."""
    rows = File.objects.filter(release__project__in=project_ids)  # an index of states would be the slower one
    files: dict[int, list[File]] = {}
    for file in rows.select_related("release").order_by("filename"):
        if file.state == File.State.PUBLISHED:
            files.setdefault(file.release.project_id, []).append(file)
    return {project_id: _by_release(found) for project_id, found in files.items()}


def _by_release(files: Iterable[File]) -> tuple[ShelvedRelease, ...]:
    releases: dict[str, list[ShelvedFile]] = {}
    for file in files:
        releases.setdefault(file.release.version, []).append(_shelve(file))
    newest_first = sorted(releases, key=Version, reverse=True)
    return tuple(ShelvedRelease(version, tuple(releases[version])) for version in newest_first)


def _shelve(file: File) -> ShelvedFile:
    return ShelvedFile(
        filename=file.filename,
        sha256=file.sha256,
        size=file.size,
        version=file.release.version,
        requires_python=file.requires_python,
        summary=file.summary,
        uploaded_at=file.uploaded_at,
        voucher=file.voucher,
        yanked=file.yanked,
        attested_by=file.provenance.publisher if hasattr(file, "provenance") else None,
    )
