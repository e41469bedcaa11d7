"""Following the signed documents: timestamp -> snapshot -> bin -> page, as every verifying client does.

Whatever is served is a function of timestamp.json, so plain and verifying clients see one publication.
"""

import hashlib
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.core.files.storage import FileSystemStorage, storages

from indexsite.reading.answers import Answer
from indexsite.reading.cache import ByteLimitedCache, ReadyValues
from indexsite_client.protocol import (
    INDEX_PAGE,
    UNCLAIMED,
    Json,
    NormalizedName,
    PageFile,
    file_target_path,
    page_target_path,
    read_page,
)
from storage.contract import TIMESTAMP, blob_name, read_bytes
from tufsigning.core.bins import bin_of
from tufsigning.core.documents import SNAPSHOT, TARGETS, read_signed
from tufsigning.core.publication import is_bin
from tufsigning.errors import NotEstablishedError, StoreDamagedError
from tufsigning.library import MAX_PAGE, MAX_TIMESTAMP, read_document

READY_BYTES = 16 * 1024 * 1024
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
        unclaimed = read_signed(read_document(UNCLAIMED, self._meta[UNCLAIMED]))
        self._bit_length = int(unclaimed["delegations"]["succinct_roles"]["bit_length"])
        self._cache = cache
        self._pages: dict[str, Target | None] = {}
        self.ready: ReadyValues[Answer] = ReadyValues(READY_BYTES)

    def page_target(self, project: str) -> Target | None:
        """The project's page, None where the index has no such project."""
        if project in self._pages:
            return self._pages[project]
        found = self._target(page_target_path(NormalizedName(project)))
        if found is not None and len(self._pages) < 100_000:
            self._pages[project] = found
        return found

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

    def project_names(self) -> list[str]:
        """Every project that has a page, sorted. The list itself is no target."""
        return sorted(name for role in self._meta if is_bin(role) for name in self._names_in(role))

    def _target(self, path: str) -> Target | None:
        return self._bin(bin_of(path, bit_length=self._bit_length)).get(path)

    def _bin(self, role: str) -> Mapping[str, Target]:
        entry = self._meta[role]

        def parse() -> Mapping[str, Target]:
            targets = read_signed(read_document(role, entry))[TARGETS]
            return {path: Target(each["hashes"]["sha256"], each["length"]) for path, each in targets.items()}

        return self._cache.get((role, entry["version"]), parse, lambda _: entry["length"] * _PARSED)

    def _names_in(self, role: str) -> tuple[str, ...]:
        def collect() -> tuple[str, ...]:
            ending = f"/{INDEX_PAGE}"
            return tuple(path.removesuffix(ending) for path in self._bin(role) if path.endswith(ending))

        return self._cache.get(
            ("names", role, self._meta[role]["version"]), collect, lambda names: 80 * len(names) + 64
        )


@dataclass(slots=True)
class Follower:
    """The current publication of the store: one stat a request tells whether it is still the same."""

    cache: ByteLimitedCache
    _stamp: tuple[int, int, int] | None = None
    _published: Published | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _path: str = ""

    def current(self) -> Published:
        """The newest publication; raises NotEstablishedError before the first one, StoreDamagedError."""
        stamp = self._look()
        published = self._published
        if published is not None and stamp == self._stamp:
            return published
        if published is not None and not self._lock.acquire(blocking=False):
            return published  # another thread reads the new one; until then the old one is whole
        if published is None:
            self._lock.acquire()
        try:
            return self._follow(stamp)
        finally:
            self._lock.release()

    def _follow(self, stamp: tuple[int, int, int]) -> Published:
        if self._published is None or stamp != self._stamp:
            timestamp = read_bytes(TIMESTAMP, limit=MAX_TIMESTAMP)
            if timestamp is None:
                raise NotEstablishedError
            if self._published is None or timestamp != self._published.timestamp:
                self._published = Published(timestamp, self.cache)
            self._stamp = stamp
        return self._published

    def _look(self) -> tuple[int, int, int]:
        if not self._path:
            store = storages["default"]
            assert isinstance(store, FileSystemStorage)  # noqa: S101  # the only kind that the environment admits
            self._path = store.path(TIMESTAMP)
        try:
            found = os.stat(self._path)
        except FileNotFoundError:
            raise NotEstablishedError from None
        return found.st_ino, found.st_mtime_ns, found.st_size
