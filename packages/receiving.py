"""The body of an upload request: streamed into a blob within bounds of size and time, drained before a refusal."""

import threading
import time
from collections.abc import Callable
from typing import IO

from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.utils.datastructures import MultiValueDict

from packages.blobs import IncomingBlob
from packages.errors import BodyTooSlowError

DRAINED = 64 * 1024 * 1024
MIN_RATE = 10_000  # bytes a second
GRACE = 10.0  # seconds before the rate counts
_CHUNK = 64 * 1024
_FIRST_READ = 256
_drains = threading.BoundedSemaphore(8)


class ReceivedFile(UploadedFile[bytes]):
    """The form's file: its bytes are in `blob`."""

    def __init__(self, blob: IncomingBlob, name: str) -> None:
        super().__init__(file=blob.file, name=name, size=blob.size)
        self.blob = blob


class BlobUploadHandler(FileUploadHandler):
    """Django's upload handler that streams the field `content` into an IncomingBlob and skips every other file."""

    def __init__(self, *, limit: int) -> None:
        super().__init__()
        self._limit = limit
        self.blob: IncomingBlob | None = None

    def new_file(self, *args: object, **kwargs: object) -> None:
        """Begin a file; only the first one in the field `content` is wanted."""
        super().new_file(*args, **kwargs)  # type: ignore[arg-type]  # handed on as Django gave them
        if self.field_name != "content" or self.blob is not None:
            raise SkipFile
        self.blob = IncomingBlob(limit=self._limit)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Take bytes; raises FileTooLargeError."""
        if self.blob is not None:
            self.blob.receive(raw_data)

    def file_complete(self, file_size: int) -> UploadedFile[bytes] | None:
        """The received file, for `request.FILES`."""
        return ReceivedFile(self.blob, self.file_name or "") if self.blob else None

    def discard(self) -> None:
        """Leave nothing behind of what was not kept."""
        if self.blob is not None:
            self.blob.discard()


class PacedBody:
    """A request's body that must come at a minimum rate: a slow sender would hold one of few upload places.

    The server's reads return only when they are full, so a read asks for no more than came in a second so far. A sender
    that falls silent altogether is not noticed before it speaks or closes: that takes a buffering proxy in front.
    """

    def __init__(self, body: IO[bytes], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._body, self._clock = body, clock
        self._began, self._received = clock(), 0

    def read(self, size: int = _CHUNK) -> bytes:
        """Read some bytes, none at the end; raises BodyTooSlowError."""
        elapsed = self._clock() - self._began
        expected = int(self._received / elapsed) if elapsed > 0 else 0
        data = self._body.read(min(size, max(_FIRST_READ, min(expected, _CHUNK))))
        self._received += len(data)
        late = self._clock() - self._began - GRACE
        if data and late > 0 and self._received < MIN_RATE * late:
            raise BodyTooSlowError(MIN_RATE)
        return data

    def drain(self) -> None:
        """Read up to DRAINED bytes more, so that the client hears the refusal instead of a broken connection.

        Only a few drain at once: whoever has no token must not be able to keep the index busy.
        """
        if not _drains.acquire(blocking=False):
            return
        try:
            limit = self._received + DRAINED
            while self._received < limit and self.read():
                pass
        except BodyTooSlowError:
            return
        finally:
            _drains.release()


def received_file(files: MultiValueDict[str, UploadedFile[bytes]]) -> ReceivedFile | None:
    """The form's file, None where it has none."""
    file = files.get("content")
    return file if isinstance(file, ReceivedFile) else None
