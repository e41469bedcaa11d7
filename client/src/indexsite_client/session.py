"""A verified view of one index: pages, files and their metadata, each checked before anybody is handed it."""

import hashlib
import hmac
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar

from indexsite_client.boundary import speaking
from indexsite_client.errors import ClientError, DocumentGoneError, ProjectNotFoundError, VerificationError
from indexsite_client.fetcher import Downloads
from indexsite_client.filestore import FileStore
from indexsite_client.protocol import NormalizedName, PageFile, ProjectPage
from indexsite_client.requirements import check_requirements
from indexsite_client.snapshot import Snapshot
from indexsite_client.trusted import TrustedIndex

LIFETIME = 60.0  # seconds that one refresh serves
_SETTLED = 1.0  # what a refresh at least this many seconds old does not know is asked of a new one
_MAX_METADATA = 10_000_000

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Voucher:
    """What the index's roles say of one file now; `yanked` is as on its page."""

    role: str
    version: int
    sha256: str
    length: int
    yanked: str | None


class VerifiedSession:
    """One index as its roles vouch for it now; safe to use from many threads.

    Metadata is read under one lock, since an Updater is not made for threads; files are downloaded outside of it, one
    download for each sha256 at a time.
    """

    def __init__(
        self, index: TrustedIndex, downloads: Downloads, *, cache: Path, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._index, self._downloads, self._cache, self._clock = index, downloads, cache, clock
        self._files = FileStore(cache / "files")
        self._lock = threading.Lock()
        self._snapshot: Snapshot | None = None
        self._taken_at = 0.0

    def refresh(self) -> None:
        """Verify root, timestamp, snapshot and targets now; raises ClientError where the index cannot be trusted."""
        with self._lock:
            self._renew()

    def close(self) -> None:
        with self._lock:
            if self._snapshot:
                self._snapshot.close()
            self._snapshot = None

    def page(self, project: NormalizedName) -> ProjectPage:
        """The project's page; raises ProjectNotFoundError where no role lists one."""
        return self._ask(lambda snapshot: snapshot.page(project).page)

    def listed(self, project: NormalizedName, filename: str) -> PageFile:
        """The page's entry for a file; raises ProjectNotFoundError where the page has none."""
        return self._ask(lambda snapshot: snapshot.page(project).entry(filename))

    def voucher(self, project: NormalizedName, filename: str) -> Voucher:
        """Who vouches for a file, and for which bytes; raises ProjectNotFoundError where nobody does."""

        def question(snapshot: Snapshot) -> Voucher:
            found, entry = snapshot.file(project, filename), snapshot.page(project).entry(filename)
            version = snapshot.version_of(found.role)
            return Voucher(found.role, version, found.sha256, found.target.length, entry.yanked)

        return self._ask(question)

    def file(self, project: NormalizedName, filename: str) -> BinaryIO:
        """The file, wholly downloaded, verified and open, to be closed by the caller.

        Its page and its target come from one snapshot.
        """
        snapshot, found = self._ask(lambda snapshot: (snapshot, snapshot.file(project, filename)))
        with self._files.receiving(found.sha256):
            kept = self._files.find(found.sha256)
            if kept:
                return kept
            with self._files.temporary() as path:
                snapshot.download(found, path)
                kept = self._files.keep(path, found.sha256)
        if kept is None:
            raise VerificationError(
                f"{filename} was changed in the cache on this computer after its download, so it is not used. Try "
                "again; if it stays, look for who else writes there."
            )
        return kept

    def metadata(self, project: NormalizedName, filename: str) -> bytes:
        """The file's core metadata (PEP 658), verified by the hash in the signed page."""
        file = self.listed(project, filename)
        if not file.metadata_sha256:
            raise ProjectNotFoundError(f"The metadata of {filename}")
        with speaking(f"The metadata of {filename}"):
            data = self._downloads.read(f"{self._index.url}/files/{file.sha256}/{filename}.metadata", _MAX_METADATA)
        if not hmac.compare_digest(hashlib.sha256(data).hexdigest(), file.metadata_sha256):
            raise VerificationError(
                f"The metadata of {filename} does not have the sha256 that the signed page of {project} says. "
                "The rule: bytes must be the signed ones; they were changed on the way. Tell its administrator."
            )
        check_requirements(data, filename)
        return data

    def _ask(self, question: Callable[[Snapshot], _Answer]) -> _Answer:
        """Answer from the current snapshot; what it does not know or have is asked once more of a new one."""
        with self._lock:
            snapshot = self._snapshot
            if snapshot is None or self._clock() - self._taken_at >= LIFETIME:
                snapshot = self._renew()
            try:
                return self._answer(snapshot, question)
            except (ProjectNotFoundError, DocumentGoneError):
                if self._clock() - self._taken_at < _SETTLED:
                    raise
            return self._answer(self._renew(), question)

    def _answer(self, snapshot: Snapshot, question: Callable[[Snapshot], _Answer]) -> _Answer:
        try:
            return question(snapshot)
        except (ProjectNotFoundError, DocumentGoneError):
            raise
        except ClientError:
            self._snapshot = None
            snapshot.spoil()
            raise

    def _renew(self) -> Snapshot:
        if self._snapshot:
            self._snapshot.close()
        self._snapshot = None
        self._snapshot = Snapshot(self._index, self._downloads, self._cache)
        self._taken_at = self._clock()
        return self._snapshot
