"""Following the signed documents: timestamp -> snapshot -> bin -> page, as every verifying client does.

Whatever is served is a function of timestamp.json, so plain and verifying clients see one publication.
"""

import hashlib
import logging
import threading
import time
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

from indexsite.reading.answers import Answer
from indexsite.reading.cache import ByteLimitedCache, ReadyValues
from indexsite_client.protocol import (
    INDEX_PAGE,
    SNAPSHOT,
    TARGETS,
    UNCLAIMED,
    Bins,
    Json,
    NormalizedName,
    PageFile,
    file_target_path,
    page_target_path,
    read_bins,
    read_page,
)
from storage.contract import TIMESTAMP, StorageUnavailableError, Watch, blob_name, read_bytes, the_storage
from tufsigning.core.documents import read_signed
from tufsigning.errors import NotEstablishedError, StoreDamagedError
from tufsigning.library import MAX_PAGE, MAX_TIMESTAMP, read_document

_PAUSE = 1.0  # seconds before a new publication that could not be read is tried again
log = logging.getLogger(__name__)
READY_BYTES = 8 * 1024 * 1024
_BINS_SIZE = 200  # bytes
_PARSED = 4  # a parsed document takes about four times its bytes


@dataclass(frozen=True, slots=True)
class Target:
    """A published target. `size` in bytes."""

    sha256: str
    size: int


class Published:
    """One publication. Safe for many threads: it is only ever added to its cache.

    `ready` are answers that are true for as long as it is the current one, by what was asked.
    """

    def __init__(self, timestamp: bytes, cache: ByteLimitedCache) -> None:
        self.timestamp = timestamp
        self.timestamp_etag = hashlib.sha256(timestamp).hexdigest()
        entry = read_signed(timestamp)["meta"]["snapshot.json"]
        self.number = int(entry["version"])
        meta = read_signed(read_document(SNAPSHOT, entry))["meta"]
        self._meta: Mapping[str, Json] = {name.removesuffix(".json"): each for name, each in meta.items()}
        self._cache, of_bins = cache, self._meta[UNCLAIMED]
        self._bins = cache.get((UNCLAIMED, of_bins["version"]), lambda: _read_bins(of_bins), lambda _: _BINS_SIZE)
        self.ready: ReadyValues[Answer] = ReadyValues(READY_BYTES)

    def page_target(self, project: str) -> Target | None:
        """The project's page, None where the index has no such project."""
        return self._target(page_target_path(NormalizedName(project)))

    def file_target(self, project: NormalizedName, filename: str) -> Target | None:
        """A distribution file, None where it is not in signed metadata."""
        return self._target(file_target_path(project, filename))

    def page_content(self, target: Target) -> bytes:
        """The signed bytes of a page."""
        content = read_bytes(blob_name(target.sha256), limit=MAX_PAGE)
        if content is None or hashlib.sha256(content).hexdigest() != target.sha256:
            raise StoreDamagedError(blob_name(target.sha256), "is missing or not what was signed")
        return content

    def page_files(self, target: Target) -> Mapping[str, PageFile]:
        """The files that a page lists, by name."""

        def parse() -> Mapping[str, PageFile]:
            return {file.filename: file for file in read_page(self.page_content(target)).files}

        return self._cache.get(("page", target.sha256), parse, lambda _: target.size * _PARSED)

    def bin_versions(self) -> dict[str, int]:
        """The bins and their versions."""
        return {role: self._meta[role]["version"] for role in self._bins.names()}

    def names_in(self, role: str) -> tuple[str, ...]:
        """The projects whose page a bin vouches for. Read anew: what else is in the bin is not kept for it."""
        ending = f"/{INDEX_PAGE}"
        targets = read_signed(read_document(role, self._meta[role]))[TARGETS]
        return tuple(path.removesuffix(ending) for path in targets if path.endswith(ending))

    def _target(self, path: str) -> Target | None:
        return self._bin(self._bins.bin_of(path)).get(path)

    def _bin(self, role: str) -> Mapping[str, Target]:
        entry = self._meta[role]

        def parse() -> Mapping[str, Target]:
            targets = read_signed(read_document(role, entry))[TARGETS]
            return {path: Target(each["hashes"]["sha256"], each["length"]) for path, each in targets.items()}

        return self._cache.get((role, entry["version"]), parse, lambda _: entry["length"] * _PARSED)


def _read_bins(entry: Json) -> Bins:
    """Explicit ones make a document of 3 MB, so it is read where it is new."""
    return read_bins(read_signed(read_document(UNCLAIMED, entry)))


@dataclass(slots=True)
class Follower:
    """The current publication of the store, whose watch tells at each request whether it is still the same.

    A store that fails stops nothing that is known: the publication before stays, whole, until the new one is read.
    """

    cache: ByteLimitedCache
    _stamp: Hashable = None
    _published: Published | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _watch: Watch | None = None
    _not_before: float = 0.0

    def current(self, *, fresh: bool = False) -> Published:
        """The newest publication; raises NotEstablishedError before the first one, StoreDamagedError.

        Where other processes serve beside us, they may be a moment ahead: `fresh` is as new as any of them.
        """
        stamp = self._look(fresh=fresh)
        published = self._published
        if published is not None and stamp == self._stamp:
            return published
        if not self._lock.acquire(blocking=fresh or published is None):
            assert published is not None  # noqa: S101  # or we had waited
            return published  # another thread reads the new one; until then the old one is whole
        try:
            return self._follow(stamp)
        finally:
            self._lock.release()

    def _follow(self, stamp: Hashable) -> Published:
        if self._published is None:
            return self._read(stamp)
        if stamp == self._stamp or time.monotonic() < self._not_before:
            return self._published
        try:
            return self._read(stamp)
        except StorageUnavailableError as error:
            self._not_before = time.monotonic() + _PAUSE
            log.warning(
                "Publication %s is still served; the next one cannot be read: %s", self._published.number, error
            )
            return self._published

    def _read(self, stamp: Hashable) -> Published:
        if self._published is None or stamp != self._stamp:
            timestamp = read_bytes(TIMESTAMP, limit=MAX_TIMESTAMP)
            if timestamp is None:
                raise NotEstablishedError
            if self._published is None or timestamp != self._published.timestamp:
                self._published = Published(timestamp, self.cache)
            self._stamp = stamp
        return self._published

    def _look(self, *, fresh: bool) -> Hashable:
        if self._watch is None:
            self._watch = the_storage().watch(TIMESTAMP)
        try:
            return self._watch(fresh=fresh)
        except FileNotFoundError:
            raise NotEstablishedError from None
