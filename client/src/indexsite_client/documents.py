"""What the Updater reads through: downloads, the shape guard, and a disk cache of documents that never change."""

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote

from tuf.ngclient.fetcher import FetcherInterface

from indexsite_client.guard import ShapeGuard
from indexsite_client.trusted import write_atomically

_IMMUTABLE = re.compile(r"[0-9]+\.[a-z0-9.-]+\.json")
_MAX_ANY = 1 << 40  # download_file() below bounds each target by its signed length while it streams


class Reader(Protocol):
    """Where documents come from: an index over HTTP, or a mirror's folder. Failures are those of tuf's downloads."""

    def read(self, url: str, max_length: int) -> bytes: ...

    def stream(self, url: str, max_length: int) -> Iterator[bytes]: ...


class GuardedFetcher(FetcherInterface):
    """One session's fetcher: every metadata document passes the guard, cached ones included.

    Cached bytes are as untrusted as downloaded ones: guard and TUF check them anew in each session. What a failed
    session has read is forgotten, so that a bad document cannot settle in the cache.
    """

    def __init__(self, downloads: Reader, guard: ShapeGuard, cache: Path) -> None:
        self._downloads = downloads
        self._guard = guard
        self._cache = cache
        self._used: set[Path] = set()

    def download_bytes(self, url: str, max_length: int) -> bytes:
        filename = unquote(url.rpartition("/")[2])
        path = self._cache / filename if _IMMUTABLE.fullmatch(filename) else None
        data = self._read_cached(path, max_length) if path else None
        fresh = data is None
        if data is None:
            data = self._downloads.read(url, max_length)
        self._guard.inspect(filename, data)
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
