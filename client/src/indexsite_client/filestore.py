"""Verified files kept by their sha256, and hashed again at each use."""

import contextlib
import hashlib
import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from indexsite_client.trusted import make_private


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

    def find(self, sha256: str) -> BinaryIO | None:
        """The kept file, open at its beginning, if it is there and still has this hash; the caller closes it.

        It is the very file that was hashed: another one put under the name since is not what gets read.
        """
        path = self._folder / sha256
        try:
            file = open(path, "rb")  # noqa: SIM115  # handed to the caller
        except OSError:
            return None
        with contextlib.ExitStack() as closing:
            closing.callback(file.close)
            if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                path.unlink(missing_ok=True)
                return None
            file.seek(0)
            closing.pop_all()
        return file

    @contextlib.contextmanager
    def temporary(self) -> Iterator[Path]:
        """A file of the caller's own on the store's file system, gone afterwards unless it was kept."""
        make_private(self._folder)
        descriptor, name = tempfile.mkstemp(dir=self._folder, prefix=".incoming-")
        os.close(descriptor)
        try:
            yield Path(name)
        finally:
            Path(name).unlink(missing_ok=True)

    def keep(self, path: Path, sha256: str) -> BinaryIO | None:
        """Take a file into the store under its name, and find it there."""
        os.replace(path, self._folder / sha256)
        return self.find(sha256)
