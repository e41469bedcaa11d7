"""Whether uploads are let in: what the index holds of their projects, releases and accounts, and the rules over it."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.db.models import Max

from accounts.callers import Caller
from accounts.errors import ProjectForbiddenError
from accounts.recent import RecentAnswers
from indexsite_client.protocol import DistributionFilename
from packages.errors import (
    FilenameDeletedError,
    FilenameTakenError,
    FileTooLargeError,
    NameConfusableError,
    ProjectClosedError,
    QuotaExceededError,
    ReleaseClosedError,
    SdistTakenError,
)
from packages.models import AccountUsage, File, Project, Release
from packages.name_lists import recent_name_lists
from packages.names import look_alike
from packages.policy import LENIENT, Policy
from packages.prepared import Prepared
from packages.usage import Growth

ReleaseKey = tuple[str, str]  # normalized name and version
_LOCK = Prepared(
    lambda names: Project.every.filter(name__in=names).order_by("name").select_for_update(no_key=True).values_list("pk")
)
_PROJECTS = Prepared(
    lambda names: Project.every.filter(name__in=names).values_list(
        "name", "pk", "status", "stored_bytes", "quota", "file_limit", "memberships__user"
    )
)
_RELEASES = Prepared(
    lambda names, versions: Release.objects.filter(project__name__in=names, version__in=versions).values_list(
        "project__name", "version", "pk", "created_at", "reopened_until"
    )
)
_FILES = Prepared(lambda names: File.every.filter(filename__in=names).values_list("filename", "sha256", "state"))
_OF_RELEASES = Prepared(
    lambda names, versions: File.every.filter(
        release__project__name__in=names, release__version__in=versions
    ).values_list("release__project__name", "release__version", "filename")
)
_LOOK_ALIKES = Prepared(lambda looks: Project.every.filter(look_alike__in=looks).values_list("look_alike", "name"))
_ACCOUNTS = Prepared(
    lambda names: AccountUsage.objects.filter(user__username__in=names).values_list(
        "user_id", "pk", "stored_bytes", "quota"
    )
)
_CLOSED = frozenset({Project.Status.ARCHIVED, Project.Status.QUARANTINED, Project.Status.DELETED})
_GONE = ""  # instead of the SHA-256 of a file that was deleted
_file_limits = RecentAnswers[int](seconds=5.0)


@dataclass(frozen=True, slots=True)
class Wish:
    """What an upload asks for, before its bytes are looked into; `size` in bytes."""

    caller: Caller
    named: DistributionFilename
    sha256: str
    size: int
    now: datetime
    policy: Policy = LENIENT

    @property
    def release(self) -> ReleaseKey:
        return self.named.project, self.named.version_text


def largest_file(policy: Policy) -> int:
    """The most bytes that a file of any project may have: what holds while a body still comes."""

    def ask() -> int:
        limits = Project.objects.filter(file_limit__isnull=False)
        return limits.aggregate(largest=Max("file_limit"))["largest"] or 0

    return max(_file_limits.get("", ask), policy.file_limit)


@dataclass(slots=True)
class Holdings:
    """What the index holds that concerns some uploads, kept up to date while one after the other is let in."""

    projects: dict[str, Project]
    members: set[tuple[str, int]]  # project and user
    releases: dict[ReleaseKey, Release]
    files: dict[str, str]  # SHA-256 by filename, of deleted ones _GONE
    sdists: dict[ReleaseKey, str]  # filename
    look_alikes: dict[str, str]  # project by what its name looks like
    accounts: dict[int, AccountUsage]
    grown: dict[str, Growth] = field(default_factory=dict)  # by project
    grown_accounts: dict[int, Growth] = field(default_factory=dict)  # by user

    @classmethod
    def read(cls, wishes: Collection[Wish], *, lock: bool) -> "Holdings":
        """Ask the database. With `lock`, inside a transaction, nobody else adds to these projects before its end."""
        names = sorted({wish.named.project for wish in wishes})
        versions = {wish.named.version_text for wish in wishes}
        if lock and connection.features.has_select_for_update:  # SQLite's transactions are alone already
            _LOCK.rows(names)
        rows = _PROJECTS.rows(names)
        projects = {
            name: Project(pk=pk, name=name, status=status, stored_bytes=stored, quota=quota, file_limit=limit)
            for name, pk, status, stored, quota, limit, _ in rows
        }
        return cls(
            projects=projects,
            members={(row[0], row[-1]) for row in rows},
            releases={(row[0], row[1]): _release(projects[row[0]], row) for row in _RELEASES.rows(names, versions)},
            files=_read_files({wish.named.filename for wish in wishes}),
            sdists=_read_sdists([wish for wish in wishes if not wish.named.is_wheel]),
            look_alikes=_read_look_alikes([name for name in names if name not in projects]),
            accounts={
                user_id: AccountUsage(pk=pk, user_id=user_id, stored_bytes=stored, quota=quota)
                for user_id, pk, stored, quota in _ACCOUNTS.rows({wish.caller.username for wish in wishes})
            },
        )

    def admit(self, wish: Wish) -> bool:
        """Whether the file is new; False where the very same is here already.

        Raises ProjectForbiddenError, or the UploadRefusedError of the rule that keeps it out.
        """
        name = wish.named.project
        if name in self.projects and (name, wish.caller.user_id) not in self.members:
            reason = f"it is not among the projects of {wish.caller.username}; ask its owner"
            raise ProjectForbiddenError(name, reason)
        if name in self.projects and (status := self.projects[name].status) in _CLOSED:
            raise ProjectClosedError(name, status)
        known = self.files.get(wish.named.filename)
        if known == _GONE:
            raise FilenameDeletedError(wish.named.filename)
        if known is not None and known != wish.sha256:
            raise FilenameTakenError(wish.named.filename)
        if known is not None:
            return False
        if name not in self.projects:
            self._check_name(wish)
        self._check_release(wish)
        self._check_room(wish)
        return True

    def add_project(self, project: Project, owner: Caller) -> None:
        """Count a project as held that is about to be made."""
        self.projects[project.name] = project
        self.look_alikes[look_alike(project.name)] = project.name
        self.members.add((project.name, owner.user_id))

    def hold(self, wish: Wish) -> None:
        """Count an admitted file's name as held, which is all that later files of the same kind can meet."""
        self.files[wish.named.filename] = wish.sha256
        if not wish.named.is_wheel:
            self.sdists[wish.release] = wish.named.filename

    def add(self, wish: Wish) -> None:
        """Count an admitted file as held. Its project and release must be among `projects` and `releases`."""
        self.hold(wish)
        project = self.projects[wish.named.project]
        project.stored_bytes, project.stored_files = project.stored_bytes + wish.size, project.stored_files + 1
        for growth in (
            self.grown.setdefault(project.name, Growth()),
            self.grown_accounts.setdefault(wish.caller.user_id, Growth(quota=self._account_quota(wish))),
        ):
            growth.size, growth.files = growth.size + wish.size, growth.files + 1

    def grown_projects(self) -> dict[int, Growth]:
        """What was added to projects that the database knows, by their id."""
        known = {name: self.projects[name].pk for name in self.grown}
        return {pk: self.grown[name] for name, pk in known.items() if pk is not None}

    def _check_name(self, wish: Wish) -> None:
        """No new project may look like another; of two at once, the database's constraint lets one be.

        One that was made between our questions looks like itself: then the upload is one to a project that is there.
        """
        name = wish.named.project
        other = self.look_alikes.get(look_alike(name))
        if other not in {None, name} and not is_excused(wish):
            raise NameConfusableError(name, other)

    def _check_release(self, wish: Wish) -> None:
        release = self.releases.get(wish.release)
        if release is not None and _is_closed(release, wish):
            raise ReleaseClosedError(" ".join(wish.release))
        if not wish.named.is_wheel and wish.release in self.sdists:
            raise SdistTakenError(wish.named.filename, self.sdists[wish.release])

    def _check_room(self, wish: Wish) -> None:
        name, caller, filename = wish.named.project, wish.caller, wish.named.filename
        project = self.projects.get(name) or Project(name=name)
        file_limit = _own(project.file_limit, wish.policy.file_limit)
        if file_limit and wish.size > file_limit:
            raise FileTooLargeError(file_limit)
        quota, used = _own(project.quota, wish.policy.project_quota), project.stored_bytes
        if quota and used + wish.size > quota:
            raise QuotaExceededError(filename, wish.size, owner=f"the project {name}", used=used, quota=quota)
        quota, used = self._account_quota(wish), self._account_bytes(caller.user_id)
        if quota and used + wish.size > quota:
            raise QuotaExceededError(
                filename, wish.size, owner=f"the account {caller.username}", used=used, quota=quota
            )

    def _account_quota(self, wish: Wish) -> int:
        account = self.accounts.get(wish.caller.user_id)
        return _own(account.quota if account else None, wish.policy.account_quota)

    def _account_bytes(self, user_id: int) -> int:
        account, growth = self.accounts.get(user_id), self.grown_accounts.get(user_id)
        return (account.stored_bytes if account else 0) + (growth.size if growth else 0)


def _is_closed(release: Release, wish: Wish) -> bool:
    closed_after, reopened_until = wish.policy.closed_after, release.reopened_until
    if closed_after is None or wish.now <= release.created_at + closed_after:
        return False
    return reopened_until is None or wish.now > reopened_until


def _own(limit: int | None, usual: int) -> int:
    """What an administrator set for this one, else the usual."""
    return usual if limit is None else limit


def is_excused(wish: Wish) -> bool:
    """Whether the name of a new project may look like another's."""
    return wish.policy.any_name or wish.named.project in recent_name_lists().allowed


def _release(project: Project, row: tuple[Any, ...]) -> Release:  # Any: what columns hold
    _, version, pk, created_at, reopened_until = row
    return Release(
        pk=pk, project=project, version=version, created_at=_moment(created_at), reopened_until=_moment(reopened_until)
    )


def _moment(value: Any) -> Any:  # Any: a moment, or None where the column is empty
    """Django keeps moments in UTC, and SQLite's driver does not say so."""
    return value if value is None or value.tzinfo else value.replace(tzinfo=UTC)


def _read_files(filenames: Collection[str]) -> dict[str, str]:
    rows = _FILES.rows(filenames)
    return {name: _GONE if state == File.State.DELETED else sha256 for name, sha256, state in rows}


def _read_sdists(wishes: Collection[Wish]) -> dict[ReleaseKey, str]:
    if not wishes:
        return {}
    names, versions = {wish.named.project for wish in wishes}, {wish.named.version_text for wish in wishes}
    rows = _OF_RELEASES.rows(names, versions)
    return {(name, version): filename for name, version, filename in rows if not filename.endswith(".whl")}


def _read_look_alikes(names: Collection[str]) -> dict[str, str]:
    return dict(_LOOK_ALIKES.rows({look_alike(name) for name in names})) if names else {}
