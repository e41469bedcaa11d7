"""What the Updater reads through: downloads, the shape guard, and a disk cache of documents that never change."""

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote

from tuf.ngclient import UpdaterConfig
from tuf.ngclient.fetcher import FetcherInterface

from indexsite_client.errors import VerificationError
from indexsite_client.guard import ShapeGuard
from indexsite_client.trusted import write_atomically

MOST_ROOTS = 256  # that are followed from the pinned one: as many as other clients of TUF do
CONFIG = UpdaterConfig(max_root_rotations=MOST_ROOTS + 1)  # the last of which `GuardedFetcher` refuses in words
_ROOT = re.compile(r"([0-9]{1,10})\.root\.json")
_IMMUTABLE = re.compile(r"[0-9]+\.[a-z0-9.-]+\.json")
_MAX_ANY = 1 << 40  # download_file() below bounds each target by its signed length while it streams


class Reader(Protocol):
    """Where documents come from: an index over HTTP, or a mirror's folder. Failures are those of tuf's downloads."""

    def read(self, url: str, max_length: int) -> bytes: ...

    def stream(self, url: str, max_length: int) -> Iterator[bytes]: ...


class GuardedFetcher(FetcherInterface):
    """One session's fetcher: every metadata document passes the guard, cached ones included.

    Cached bytes are as untrusted as downloaded ones: guard and TUF check them anew in each session. What a failed
    session has read is forgotten, so that a bad document cannot settle in the cache. Roots are followed up to a number
    from the pinned one; where python-tuf would go on with the last of these, it is refused.
    """

    def __init__(self, downloads: Reader, guard: ShapeGuard, cache: Path, *, pinned: int) -> None:
        self._downloads = downloads
        self._guard = guard
        self._cache = cache
        self._last_root = pinned + MOST_ROOTS
        self._used: set[Path] = set()

    def download_bytes(self, url: str, max_length: int) -> bytes:
        filename = unquote(url.rpartition("/")[2])
        path = self._cache / filename if _IMMUTABLE.fullmatch(filename) else None
        data = self._read_cached(path, max_length) if path else None
        fresh = data is None
        if data is None:
            data = self._downloads.read(url, max_length)
        self._guard.inspect(filename, data)
        if (root := _ROOT.fullmatch(filename)) and int(root[1]) > self._last_root:
            raise VerificationError(
                f"The index has had more than {MOST_ROOTS} roots since the one that is pinned here, and no more are"
                " followed. Ask its administrator for the fingerprint of its newest root, and run `indexsite trust URL"
                " --fingerprint ... --replace`."
            )
        if path:
            self._used.add(path)
            if fresh:
                with contextlib.suppress(OSError):  # a full or read-only disk costs only speed
                    write_atomically(path, data)
        return data

    def forget(self) -> None:
        """Drop from the cache whatever this session has read."""
        for path in self._used:
            path.unlink(missing_ok=True)

    def _fetch(self, url: str) -> Iterator[bytes]:
        return self._downloads.stream(url, _MAX_ANY)

    @staticmethod
    def _read_cached(path: Path, max_length: int) -> bytes | None:
        try:
            with open(path, "rb") as file:
                return file.read(max_length) if os.fstat(file.fileno()).st_size <= max_length else None
        except OSError:
            return None
