"""Taking files into the index: the rows of several uploads in one transaction, or a refusal for each that cannot be."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import DataError, IntegrityError, transaction

from accounts.callers import Caller
from accounts.errors import AccessError, ProjectForbiddenError
from packages import journal, outbox
from packages.distributions import Distribution
from packages.errors import FilenameTakenError, UploadRefusedError, UploadsCollideError
from packages.models import File, JournalEntry, Membership, Project, Release
from packages.prepared import Prepared

_TRIES = 5
_PROJECTS = Prepared(
    lambda names: Project.objects.filter(name__in=names).values_list("name", "pk", "memberships__user")
)
_RELEASES = Prepared(
    lambda names, versions: Release.objects.filter(project__name__in=names, version__in=versions).values_list(
        "project__name", "version", "pk"
    )
)
_FILES = Prepared(lambda names: File.objects.filter(filename__in=names).values_list("filename", "sha256"))


@dataclass(frozen=True, slots=True)
class StoredDistribution:
    """A checked distribution whose bytes are durable in the store; `size` in bytes."""

    distribution: Distribution
    display_name: str
    sha256: str
    size: int
    metadata_sha256: str

    @property
    def filename(self) -> str:
        return self.distribution.named.filename

    @property
    def version(self) -> str:
        return self.distribution.named.version_text

    @property
    def metadata_is_static(self) -> bool:
        return self.distribution.named.is_wheel or self.distribution.metadata.is_static


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What an upload asks for once its bytes are stored."""

    caller: Caller
    stored: StoredDistribution
    now: datetime


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of an upload."""

    filename: str
    is_new: bool

    @property
    def sentence(self) -> str:
        """For the uploader."""
        if self.is_new:
            return f"{self.filename} is received; it is listed as soon as it is signed, usually within a second."
        return f"{self.filename} was here already with the same contents; nothing changed."


def accept_together(group: Sequence[Acceptance]) -> list[Receipt | Exception]:
    """Record files, journal and the wish to sign them in one transaction; their bytes are in the store already.

    A receipt or a refusal for each, in their order. One of which the database will not have the values spoils the
    transaction for all, so then each has its own.
    """
    for _ in range(_TRIES):
        try:
            with transaction.atomic():
                return _accept(group)
        except IntegrityError:  # another process made a project, a release or a file first: look again
            continue
        except (DataError, ValueError):
            if len(group) == 1:
                raise
            break
    if len(group) == 1:
        return [UploadsCollideError(group[0].stored.filename)]
    return [_accept_alone(each) for each in group]


def _accept_alone(wanted: Acceptance) -> Receipt | Exception:
    try:
        return accept_together([wanted])[0]
    except (DataError, ValueError) as error:
        return error


def check_access(caller: Caller, name: str) -> None:
    """Raise ProjectForbiddenError unless the project is the caller's, or there is none yet."""
    members = [user_id for _, _, user_id in _PROJECTS.rows([name])]
    if members and caller.user_id not in members:
        raise _forbidden(caller, name)


def is_here_already(filename: str, sha256: str) -> bool:
    """Whether the very same file is here; raises FilenameTakenError where another one has the name."""
    return _compare(filename, sha256, dict(_FILES.rows([filename])).get(filename))


def _compare(filename: str, sha256: str, known: str | None) -> bool:
    if known is not None and known != sha256:
        raise FilenameTakenError(filename)
    return known is not None


def _forbidden(caller: Caller, name: str) -> ProjectForbiddenError:
    return ProjectForbiddenError(name, f"it is not among the projects of {caller.username}; ask its owner")


@dataclass(slots=True)
class _Rows:
    """What the database has that concerns a group, and what the group adds to it."""

    projects: dict[str, Project]
    members: set[tuple[str, int]]  # project and user
    releases: dict[tuple[str, str], Release]  # by project and version
    files: dict[str, str]  # SHA-256 by filename
    new_files: list[File] = field(default_factory=list)
    entries: list[JournalEntry] = field(default_factory=list)

    @classmethod
    def read(cls, group: Iterable[Acceptance]) -> "_Rows":
        names = {each.stored.distribution.named.project for each in group}
        rows = _PROJECTS.rows(names)
        projects = {name: Project(pk=pk, name=name) for name, pk, _ in rows}
        releases = {
            (name, version): Release(pk=pk, project=projects[name], version=version)
            for name, version, pk in _RELEASES.rows(names, {each.stored.version for each in group})
        }
        files = dict(_FILES.rows({each.stored.filename for each in group}))
        return cls(projects, {(name, user_id) for name, _, user_id in rows}, releases, files)

    def add(self, wanted: Acceptance) -> Receipt:
        """Add one file; raises ProjectForbiddenError or FilenameTakenError."""
        caller, stored, now = wanted.caller, wanted.stored, wanted.now
        name = stored.distribution.named.project
        if name in self.projects and (name, caller.user_id) not in self.members:
            raise _forbidden(caller, name)
        if _compare(stored.filename, stored.sha256, self.files.get(stored.filename)):
            return Receipt(stored.filename, is_new=False)
        if name not in self.projects:
            self._add_project(wanted)
        key = (name, stored.version)
        if key not in self.releases:
            self.releases[key] = Release(project=self.projects[name], version=stored.version, created_at=now)
        self.files[stored.filename] = stored.sha256
        self.new_files.append(_file(self.releases[key], wanted))
        details = {"filename": stored.filename, "sha256": stored.sha256}
        self.entries.append(journal.entry("file.added", now=now, caller=caller, project=name, **details))
        return Receipt(stored.filename, is_new=True)

    def _add_project(self, wanted: Acceptance) -> None:
        """The first upload makes the project and its owner."""
        name, caller = wanted.stored.distribution.named.project, wanted.caller
        self.projects[name] = Project(name=name, display_name=wanted.stored.display_name, created_at=wanted.now)
        self.members.add((name, caller.user_id))
        self.entries.append(journal.entry("project.created", now=wanted.now, caller=caller, project=name))

    def save(self) -> None:
        """Write what was added: a statement a kind of row, sorted, so that two processes never wait in a ring."""
        new_projects = [self.projects[name] for name in sorted(self.projects) if self.projects[name].pk is None]
        owners = dict(self.members)  # a new project has one member
        Project.objects.bulk_create(new_projects)
        Membership.objects.bulk_create(
            Membership(project=project, user_id=owners[project.name], role=Membership.Role.OWNER)
            for project in new_projects
        )
        Release.objects.bulk_create(
            self.releases[key] for key in sorted(self.releases) if self.releases[key].pk is None
        )
        File.objects.bulk_create(sorted(self.new_files, key=lambda file: file.filename))
        JournalEntry.objects.bulk_create(self.entries)


def _accept(group: Sequence[Acceptance]) -> list[Receipt | Exception]:
    rows, outcomes = _Rows.read(group), list[Receipt | Exception]()
    for wanted in group:
        try:
            outcomes.append(rows.add(wanted))
        except (UploadRefusedError, AccessError) as refusal:
            outcomes.append(refusal)
    if rows.new_files:
        rows.save()
        changed = {file.release.project.name: file.release.project for file in rows.new_files}
        outbox.record(*changed.values(), now=max(each.now for each in group))
    return outcomes


def _file(release: Release, wanted: Acceptance) -> File:
    stored, metadata = wanted.stored, wanted.stored.distribution.metadata
    return File(
        release=release,
        filename=stored.filename,
        sha256=stored.sha256,
        size=stored.size,
        requires_python=metadata.requires_python,
        metadata_sha256=stored.metadata_sha256,
        metadata_is_static=stored.metadata_is_static,
        summary=metadata.summary,
        uploaded_at=wanted.now,
        uploaded_by_id=wanted.caller.user_id,
    )
