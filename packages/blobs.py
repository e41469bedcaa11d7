"""Receiving the bytes of an upload: streamed to the blob store's own file system and hashed on the way."""

import contextlib
import hashlib
import hmac
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, cast

from packages.errors import DigestMismatchError, FileTooLargeError
from storage.contract import disk_faults_named, the_storage

_ALGORITHMS = {"md5": "md5", "sha256": "sha256", "blake2_256": "blake2b-256"}
_CHUNK = 1024 * 1024


class IncomingBlob:
    """A file that is being received. Either the store takes it over, or `discard` leaves nothing behind."""

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        self._sha256 = hashlib.sha256()
        self.size = 0
        folder = the_storage().incoming_folder()
        with disk_faults_named(folder):
            file = tempfile.NamedTemporaryFile(dir=folder, prefix="upload-", delete=False)  # noqa: SIM115  # lives as long as the upload
        self._path = Path(file.name)
        self.file = cast(IO[bytes], file)

    def receive(self, chunk: bytes) -> None:
        """Take the next bytes; raises FileTooLargeError beyond the limit."""
        self.size += len(chunk)
        if self.size > self._limit:
            raise FileTooLargeError(self._limit)
        self._sha256.update(chunk)
        with disk_faults_named(self._path.parent):
            self.file.write(chunk)

    @property
    def sha256(self) -> str:
        """The SHA-256 of what has arrived, in hexadecimal."""
        return self._sha256.hexdigest()

    def check(self, announced: Mapping[str, str]) -> None:
        """Raise DigestMismatchError unless every announced digest (md5, sha256, blake2_256) is that of the bytes."""
        for name, digest in announced.items():
            if not hmac.compare_digest(self._digest(name), digest.strip().lower()):
                raise DigestMismatchError(_ALGORITHMS[name])

    def complete(self) -> None:
        """All bytes have come: whoever reads them from here on meets no full disk any more."""
        with disk_faults_named(self._path.parent):
            self.file.flush()

    def finished(self) -> Path:
        """The received file, for the store to take over."""
        with disk_faults_named(self._path.parent):
            self.file.close()
        return self._path

    def discard(self) -> None:
        """Remove the received bytes, unless the store took them."""
        with contextlib.suppress(OSError):  # what was not written out for want of room is not wanted any more
            self.file.close()
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()

    def _digest(self, name: str) -> str:
        if name == "sha256":
            return self.sha256
        digest = hashlib.blake2b(digest_size=32) if name == "blake2_256" else hashlib.md5(usedforsecurity=False)
        self.file.seek(0)
        while chunk := self.file.read(_CHUNK):
            digest.update(chunk)
        return digest.hexdigest()
