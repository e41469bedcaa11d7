"""Verified files kept by their sha256, and hashed again at each use."""

import contextlib
import hashlib
import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path


class FileStore:
    """A folder of files named by their sha256; safe for many threads and processes, since names follow contents."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._receiving: dict[str, threading.Lock] = {}

    @contextlib.contextmanager
    def receiving(self, sha256: str) -> Iterator[None]:
        """Let one thread at a time fetch a file: an installer that asks twice must not download twice."""
        with self._lock:
            lock = self._receiving.setdefault(sha256, threading.Lock())
        with lock:
            yield

    def find(self, sha256: str) -> Path | None:
        """The kept file, if it is there and still has this hash."""
        path = self._folder / sha256
        try:
            with open(path, "rb") as file:
                intact = hashlib.file_digest(file, "sha256").hexdigest() == sha256
        except OSError:
            return None
        if not intact:
            path.unlink(missing_ok=True)
        return path if intact else None

    @contextlib.contextmanager
    def temporary(self) -> Iterator[Path]:
        """A file of the caller's own on the store's file system, gone afterwards unless it was kept."""
        self._folder.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=self._folder, prefix=".incoming-")
        os.close(descriptor)
        try:
            yield Path(name)
        finally:
            Path(name).unlink(missing_ok=True)

    def keep(self, path: Path, sha256: str) -> Path:
        """Take a verified file into the store under its name."""
        kept = self._folder / sha256
        os.replace(path, kept)
        return kept
