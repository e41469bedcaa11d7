"""Reading hostile archives within bounds: a counting reader that refuses large single reads and endless streams."""

from typing import IO

CHUNK = 64 * 1024


class BoundExceededError(Exception):
    """The archive asks for more than a reader will give; the message says of what."""


class BoundedReader:
    """A view of a binary stream for `tarfile` and `zipfile`, which trust the sizes that an archive claims.

    `max_read` bounds one read in bytes (headers, central directories: what is held in memory at once), `max_total`
    the bytes that are read over all, which for a decompressing stream is the work done. `total` counts them.
    A stream with `forward_only` is sought forward by reading, so that what is skipped counts too.
    """

    def __init__(self, stream: IO[bytes], *, max_read: int, max_total: int, forward_only: bool = False) -> None:
        self._stream = stream
        self._max_read, self._max_total, self._forward_only = max_read, max_total, forward_only
        self.total = 0

    def read(self, size: int = -1) -> bytes:
        """Read up to `size` bytes, or all where it is negative; raises BoundExceededError beyond the bounds."""
        if size > self._max_read:
            raise BoundExceededError(f"a part of it is larger than {self._max_read} bytes")
        data = self._stream.read(size if size >= 0 else self._max_read + 1)
        if len(data) > self._max_read:
            raise BoundExceededError(f"a part of it is larger than {self._max_read} bytes")
        self.total += len(data)
        if self.total > self._max_total:
            raise BoundExceededError(f"it holds more than {self._max_total} bytes")
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """Seek as files do; forward by reading where the stream only goes forward."""
        if not self._forward_only:
            return self._stream.seek(offset, whence)
        if whence != 0 or offset < self._stream.tell():
            raise BoundExceededError("it makes a reader go back")
        while (missing := offset - self._stream.tell()) > 0:
            if not self.read(min(missing, CHUNK, self._max_read)):
                break
        return self._stream.tell()

    def tell(self) -> int:
        """The position in the stream."""
        return self._stream.tell()

    def seekable(self) -> bool:
        """Always, as far as `seek` goes."""
        return True

    def close(self) -> None:
        """Leave the stream to its owner."""
