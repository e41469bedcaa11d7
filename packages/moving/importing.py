"""The story of an import: each file is read as an upload is, and recorded with others, some dozens at a time.

Killed anywhere, it is begun again: what is recorded is found to be here, and what was not recorded left at most blobs
that nothing refers to, which the next run writes again.
"""

import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import IO

from accounts.callers import Caller
from accounts.errors import AccessError
from packages.acceptance import Acceptance, StoredDistribution, accept_together
from packages.admission import Holdings
from packages.blobs import IncomingBlob
from packages.distributions import read_distribution
from packages.errors import FilenameDeletedError, FilenameTakenError, UploadRefusedError
from packages.forms import announced_by_name
from packages.models import File
from packages.moving.errors import FileUnreadableError
from packages.moving.trees import FoundFile, Tree, batches
from packages.policy import Policy
from storage.contract import Source, blob_name, the_storage

MOST, MOST_BYTES = 64, 64 * 1024 * 1024  # of a batch: one transaction, and one nudge of the publisher
_MOST_METADATA = 16 * 1024 * 1024  # of a batch, which are held in memory
_CHUNK = 1024 * 1024
_ENDLESS = 2**63
POLICY = Policy(any_name=True, imported=True, older_sdist_names=True, zip_sdists=True)


class Verdict(StrEnum):
    """What became of a file."""

    IMPORTED = "imported"
    HERE = "here"  # already, with the same contents
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A file and what became of it: why it was refused, or what it was forgiven, in sentences."""

    path: str
    verdict: Verdict
    code: str = ""
    sentences: tuple[str, ...] = ()


def import_tree(
    tree: Tree, *, owner: Caller, clock: Callable[[], datetime], dry_run: bool = False
) -> Iterator[Outcome]:
    """Import the files of a tree, the oldest first. New projects are the owner's.

    An outcome for each file, though not in their order. With `dry_run`, the same questions are asked and nothing is
    kept. Raises StorageUnavailableError or DatabaseError where the index itself fails.
    """
    for files in batches(tree.files, most=MOST, most_bytes=MOST_BYTES):
        batch = _Batch(tree.top, owner, clock(), dry_run, _known(files))
        try:
            for file in files:
                outcome = batch.take(file)
                if outcome is not None:
                    yield outcome
                if batch.metadata_bytes > _MOST_METADATA:
                    yield from batch.finish()
            yield from batch.finish()
        finally:
            batch.discard()


def _known(files: Sequence[FoundFile]) -> dict[str, tuple[str, str]]:
    """SHA-256 and state of the files that the index has under these names."""
    rows = File.every.filter(filename__in=[file.filename for file in files]).values_list("filename", "sha256", "state")
    return {filename: (sha256, state) for filename, sha256, state in rows}


@dataclass(slots=True)
class _Batch:
    """Files that are checked and wait to be recorded."""

    top: Path
    owner: Caller
    now: datetime
    dry_run: bool
    known: dict[str, tuple[str, str]]
    checked: list[tuple[FoundFile, Acceptance]] = field(default_factory=list)
    blobs: list[IncomingBlob] = field(default_factory=list)
    sources: dict[str, Source] = field(default_factory=dict)
    metadata_bytes: int = 0

    def take(self, file: FoundFile) -> Outcome | None:
        """Check a file; the outcome where that settles it already."""
        try:
            if file.filename in self.known:
                self._compare(file)
                return Outcome(file.path, Verdict.HERE)
            self._check(file)
        except UploadRefusedError as error:
            return _refused(file, error)
        return None

    def finish(self) -> Iterator[Outcome]:
        """Store and record what was checked: all in one transaction, and each with an outcome of its own."""
        admitted, outcomes = self._admit() if self.checked else ([], [])
        if self.dry_run:
            outcomes += [_outcome(file, wanted, is_new=True) for file, wanted in admitted]
        elif admitted:
            wanted_names = {name for _, wanted in admitted for name in _blob_names(wanted.stored)}
            the_storage().write({name: source for name, source in self.sources.items() if name in wanted_names})
            receipts = accept_together([wanted for _, wanted in admitted])
            for (file, wanted), receipt in zip(admitted, receipts, strict=True):
                if isinstance(receipt, UploadRefusedError | AccessError):
                    outcomes.append(_refused(file, receipt))
                elif isinstance(receipt, Exception):
                    raise receipt
                else:
                    outcomes.append(_outcome(file, wanted, is_new=receipt.is_new))
        self.discard()
        yield from outcomes

    def discard(self) -> None:
        """Forget what was checked, and remove what the store did not take."""
        for blob in self.blobs:
            blob.discard()
        self.blobs, self.checked, self.sources, self.metadata_bytes = [], [], {}, 0

    def _admit(self) -> tuple[list[tuple[FoundFile, Acceptance]], list[Outcome]]:
        """Ask what the transaction will ask again, so that nothing is stored of what it refuses."""
        holdings = Holdings.read([wanted.wish for _, wanted in self.checked], lock=False)
        admitted, outcomes = list[tuple[FoundFile, Acceptance]](), list[Outcome]()
        for file, wanted in self.checked:
            try:
                is_new = holdings.admit(wanted.wish)
            except (UploadRefusedError, AccessError) as error:
                outcomes.append(_refused(file, error))
                continue
            if is_new:
                admitted.append((file, wanted))
                holdings.hold(wanted.wish)
            else:  # a second copy, in another folder
                outcomes.append(Outcome(file.path, Verdict.HERE))
        return admitted, outcomes

    def _compare(self, file: FoundFile) -> None:
        """Raise FilenameDeletedError or FilenameTakenError unless the index has this very file."""
        sha256, state = self.known[file.filename]
        if state == File.State.DELETED:
            raise FilenameDeletedError(file.filename)
        with _opened(self.top, file) as source:
            digest = hashlib.sha256()
            for chunk in _chunks(source, file):
                digest.update(chunk)
        if digest.hexdigest() != sha256:
            raise FilenameTakenError(file.filename)

    def _check(self, file: FoundFile) -> None:
        announced = announced_by_name(file.filename, POLICY)
        blob = IncomingBlob(limit=_ENDLESS)  # a copy that nobody changes while it is read
        self.blobs.append(blob)
        with _opened(self.top, file) as source:
            for chunk in _chunks(source, file):
                blob.receive(chunk)
        blob.complete()
        distribution = read_distribution(announced.named, blob.file, policy=POLICY)
        metadata = distribution.metadata.content
        metadata_sha256 = hashlib.sha256(metadata).hexdigest()
        self.metadata_bytes += len(metadata)
        self.sources |= {blob_name(blob.sha256): blob.finished(), blob_name(metadata_sha256): metadata}
        stored = StoredDistribution(distribution, distribution.metadata.name, blob.sha256, blob.size, metadata_sha256)
        wanted = Acceptance(self.owner, stored, self.now, POLICY, first_uploaded_at=file.uploaded_at)
        self.checked.append((file, wanted))


def _opened(top: Path, file: FoundFile) -> IO[bytes]:
    """The file, for reading, if it is still a plain one inside the folder, whatever was put there since the scan.

    What remains: between the two system calls somebody who may write in the folder can put a link in the place of a
    folder on the way, and a hard link looks like any file. So import what nobody else can write to meanwhile.
    """
    try:
        path = (top / file.path).resolve(strict=True)
        if not path.is_relative_to(top):
            raise FileUnreadableError(file.filename, "it leads out of the folder now")
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        raise FileUnreadableError(file.filename, getattr(error, "strerror", None) or str(error)) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileUnreadableError(file.filename, "it is no plain file now")
    return os.fdopen(descriptor, "rb")


def _chunks(source: IO[bytes], file: FoundFile) -> Iterator[bytes]:
    while True:
        try:
            chunk = source.read(_CHUNK)
        except OSError as error:
            raise FileUnreadableError(file.filename, error.strerror or str(error)) from error
        if not chunk:
            return
        yield chunk


def _blob_names(stored: StoredDistribution) -> tuple[str, str]:
    return blob_name(stored.sha256), blob_name(stored.metadata_sha256)


def _outcome(file: FoundFile, wanted: Acceptance, *, is_new: bool) -> Outcome:
    verdict = Verdict.IMPORTED if is_new else Verdict.HERE
    return Outcome(file.path, verdict, sentences=wanted.stored.distribution.notes if is_new else ())


def _refused(file: FoundFile, error: UploadRefusedError | AccessError) -> Outcome:
    sentences = error.faults if isinstance(error, UploadRefusedError) else (str(error),)
    return Outcome(file.path, Verdict.REFUSED, error.code, sentences)
