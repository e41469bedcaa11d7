"""Reading an object as a stream: in pieces, from anywhere, taken up again where the connection broke."""

import io
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, IncompleteReadError
from urllib3.exceptions import HTTPError

from storage.contract import StorageUnavailableError

READ_FAULTS = (BotoCoreError, HTTPError)
_TRIES = 3


class ObjectReader(io.RawIOBase):
    """A seekable binary file over `get(first)`, which asks the store for the bytes from `first` on."""

    def __init__(self, name: str, get: Callable[[int], Any]) -> None:  # Any: boto3's answers
        self._name, self._get = name, get
        answer = get(0)
        self._body, self._size = answer["Body"], int(answer["ContentLength"])
        self._position = 0

    def read(self, size: int = -1) -> bytes:
        """`size` bytes, fewer only at the end; all that is left where it is negative. StorageUnavailableError."""
        end = self._size if size < 0 else min(self._position + size, self._size)
        pieces, failures = [], 0
        while self._position < end:
            try:
                if self._body is None:
                    self._body = self._get(self._position)["Body"]
                piece: bytes = self._body.read(end - self._position)
                if not piece:
                    raise IncompleteReadError(actual_bytes=self._position, expected_bytes=self._size)
            except READ_FAULTS as error:
                self._let_go()
                failures += 1
                if failures == _TRIES:
                    raise StorageUnavailableError(f"reading {self._name} broke off: {type(error).__name__}.") from error
            else:
                pieces.append(piece)
                self._position += len(piece)
        return b"".join(pieces)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go there; the next read asks for what follows."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if base + offset != self._position:
            self._let_go()
            self._position = base + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        """Give the connection back, or end it where something is unread."""
        if not self.closed:
            self._let_go()
        super().close()

    def _let_go(self) -> None:
        if self._body is not None:
            self._body.close()
            self._body = None
