"""The story of an upload: checks, bytes made durable, then file, journal and outbox in one short transaction."""

from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from accounts.callers import Caller, Scope
from accounts.errors import ProjectForbiddenError
from packages import journal, outbox
from packages.blobs import IncomingBlob, keep_blobs
from packages.distributions import Distribution, read_distribution
from packages.errors import FilenameTakenError, UploadsCollideError
from packages.forms import AnnouncedUpload
from packages.models import File, Membership, Project, Release

_TRIES = 5


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


@dataclass(frozen=True, slots=True)
class StoredDistribution:
    """A checked distribution whose bytes are durable in the store; `size` in bytes."""

    distribution: Distribution
    display_name: str
    sha256: str
    size: int
    metadata_sha256: str


def receive_upload(*, caller: Caller, announced: AnnouncedUpload, blob: IncomingBlob, now: datetime) -> Receipt:
    """Take a received file into the index.

    Raises UploadRefusedError or AccessError, and then nothing is changed. A crash before the commit leaves at most
    a blob that nothing refers to; after it, the outbox entry sees to the signing.
    """
    named = announced.named
    caller.require(Scope.UPLOAD)
    caller.require_project(named.project)
    _check_membership(caller, named.project)
    blob.check(announced.digests)
    if _is_here_already(named.filename, blob.sha256):
        return Receipt(named.filename, is_new=False)
    distribution = read_distribution(named, blob.file)
    metadata_sha256 = keep_blobs([distribution.metadata.content])[0] if named.is_wheel else ""
    stored = StoredDistribution(distribution, announced.display_name, blob.keep(), blob.size, metadata_sha256)
    return accept_upload(caller=caller, stored=stored, now=now)


def accept_upload(*, caller: Caller, stored: StoredDistribution, now: datetime) -> Receipt:
    """Record the file and the wish to sign it in one transaction; its bytes are in the store already."""
    named = stored.distribution.named
    for _ in range(_TRIES):
        try:
            with transaction.atomic():
                project = _project_for(caller, stored, now=now)
                if _is_here_already(named.filename, stored.sha256):
                    return Receipt(named.filename, is_new=False)
                _create_file(caller, project, stored, now=now)
                _record(caller, project, stored, now=now)
        except IntegrityError:  # another upload made the project, the release or the file first: look again
            continue
        return Receipt(named.filename, is_new=True)
    raise UploadsCollideError(named.filename)


def _record(caller: Caller, project: Project, stored: StoredDistribution, *, now: datetime) -> None:
    details = {"filename": stored.distribution.named.filename, "sha256": stored.sha256}
    journal.record("file.added", now=now, caller=caller, project=project.name, **details)
    outbox.record(project, now=now)


def _is_here_already(filename: str, sha256: str) -> bool:
    """Whether the very same file is here; raises FilenameTakenError where another one has the name."""
    known = File.objects.filter(filename=filename).values_list("sha256", flat=True).first()
    if known is not None and known != sha256:
        raise FilenameTakenError(filename)
    return known is not None


def _check_membership(caller: Caller, name: str) -> Project | None:
    """The project, None where there is none yet; raises ProjectForbiddenError where it is not the caller's."""
    project = Project.objects.filter(name=name).first()
    if project and not Membership.objects.filter(project=project, user_id=caller.user_id).exists():
        raise ProjectForbiddenError(name, f"it is not among the projects of {caller.username}; ask its owner")
    return project


def _project_for(caller: Caller, stored: StoredDistribution, *, now: datetime) -> Project:
    """The project of the file; the first upload makes it and its owner."""
    name = stored.distribution.named.project
    project = _check_membership(caller, name)
    if project is None:
        project = Project.objects.create(name=name, display_name=stored.display_name, created_at=now)
        Membership.objects.create(project=project, user_id=caller.user_id, role=Membership.Role.OWNER)
        journal.record("project.created", now=now, caller=caller, project=name)
    return project


def _create_file(caller: Caller, project: Project, stored: StoredDistribution, *, now: datetime) -> None:
    named, metadata = stored.distribution.named, stored.distribution.metadata
    release, _ = Release.objects.get_or_create(
        project=project, version=str(named.version), defaults={"created_at": now}
    )
    File.objects.create(
        release=release,
        filename=named.filename,
        sha256=stored.sha256,
        size=stored.size,
        requires_python=metadata.requires_python,
        metadata_sha256=stored.metadata_sha256,
        summary=metadata.summary,
        uploaded_at=now,
        uploaded_by_id=caller.user_id,
    )
