"""Taking files into the index: the rows of several uploads in one transaction, or a refusal for each that cannot be."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import DataError, IntegrityError, transaction

from accounts.callers import Caller
from accounts.errors import AccessError
from packages import journal, outbox, usage
from packages.admission import Holdings, Wish, is_excused
from packages.attestations.attesting import provenance_row
from packages.attestations.models import FileProvenance
from packages.attestations.verifier import Attested
from packages.distributions import Distribution
from packages.errors import UploadRefusedError, UploadsCollideError
from packages.models import File, JournalEntry, Membership, Project, Release
from packages.names import look_alike
from packages.policy import LENIENT, Policy

_TRIES = 5


@dataclass(frozen=True, slots=True)
class StoredDistribution:
    """A checked distribution whose bytes are durable in the store; `size` in bytes."""

    distribution: Distribution
    display_name: str
    sha256: str
    size: int
    metadata_sha256: str
    attested: Attested | None = None

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
    """What an upload asks for once its bytes are stored; `first_uploaded_at`: to the index that it is imported from."""

    caller: Caller
    stored: StoredDistribution
    now: datetime
    policy: Policy = LENIENT
    first_uploaded_at: datetime | None = None

    @property
    def came_at(self) -> datetime:
        return self.first_uploaded_at or self.now

    @property
    def wish(self) -> Wish:
        stored = self.stored
        return Wish(self.caller, stored.distribution.named, stored.sha256, stored.size, self.now, self.policy)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of an upload; `warnings` are whole sentences."""

    filename: str
    is_new: bool
    warnings: tuple[str, ...] = ()

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
        except (IntegrityError, usage.ChangedMeanwhileError):  # another process was first with something: look again
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


@dataclass(slots=True)
class _Rows:
    """What the database has that concerns a group, and what the group adds to it."""

    holdings: Holdings
    new_files: list[File] = field(default_factory=list)
    provenances: list[FileProvenance] = field(default_factory=list)
    entries: list[JournalEntry] = field(default_factory=list)

    def add(self, wanted: Acceptance) -> Receipt:
        """Add one file; raises ProjectForbiddenError, or why the upload is refused."""
        holdings, wish, stored, now = self.holdings, wanted.wish, wanted.stored, wanted.now
        name = wish.named.project
        if not holdings.admit(wish):
            return Receipt(stored.filename, is_new=False)
        if name not in holdings.projects:
            self._add_project(wanted)
        if wish.release not in holdings.releases:
            new = Release(project=holdings.projects[name], version=stored.version, created_at=wanted.came_at)
            holdings.releases[wish.release] = new
        holdings.add(wish)
        file = _file(holdings.releases[wish.release], wanted)
        self.new_files.append(file)
        details = {"filename": stored.filename, "sha256": stored.sha256}
        if stored.attested is not None:
            self.provenances.append(provenance_row(file, stored.attested))
            details["attested_by"] = str(stored.attested.publisher)
        act = "file.imported" if wanted.first_uploaded_at else "file.added"
        self.entries.append(journal.entry(act, now=now, caller=wanted.caller, project=name, **details))
        return Receipt(stored.filename, is_new=True)

    def _add_project(self, wanted: Acceptance) -> None:
        """The first upload makes the project and its owner."""
        name, caller = wanted.stored.distribution.named.project, wanted.caller
        self.holdings.add_project(
            Project(
                name=name,
                display_name=wanted.stored.display_name,
                created_at=wanted.came_at,
                may_resemble=is_excused(wanted.wish),
            ),
            caller,
        )
        self.entries.append(journal.entry("project.created", now=wanted.now, caller=caller, project=name))

    def save(self) -> None:
        """Write what was added: a statement a kind of row, sorted, so that two processes never wait in a ring."""
        projects, releases = self.holdings.projects, self.holdings.releases
        in_order = sorted(projects, key=lambda name: (look_alike(name), name))
        new_projects = [projects[name] for name in in_order if projects[name].pk is None]
        owners = dict(self.holdings.members)  # a new project has one member
        grown_projects = self.holdings.grown_projects()  # new ones are made with their sums
        Project.objects.bulk_create(new_projects)
        Membership.objects.bulk_create(
            Membership(project=project, user_id=owners[project.name], role=Membership.Role.OWNER)
            for project in new_projects
        )
        Release.objects.bulk_create(releases[key] for key in sorted(releases) if releases[key].pk is None)
        File.objects.bulk_create(sorted(self.new_files, key=lambda file: file.filename))
        if self.provenances:
            FileProvenance.objects.bulk_create(self.provenances)
        JournalEntry.objects.bulk_create(self.entries)
        usage.add_to_projects(grown_projects)
        usage.add_to_accounts(self.holdings.grown_accounts, known=self.holdings.accounts)


def _accept(group: Sequence[Acceptance]) -> list[Receipt | Exception]:
    holdings = Holdings.read([wanted.wish for wanted in group], lock=True)
    rows, outcomes = _Rows(holdings), list[Receipt | Exception]()
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
        uploaded_at=wanted.came_at,
        uploaded_by_id=wanted.caller.user_id,
    )
