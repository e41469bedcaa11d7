"""Unpacking gzip as a stream: one member, nothing behind it, counted, and no more held than one piece. Pure.

Readers differ about a second member (some read on, some stop), so there must be none.
"""

import zlib
from typing import IO

from packages.archives.bounded import CHUNK, BoundExceededError, Meter, UnreadableError

MAX_PIECE = 4 * 1024 * 1024  # bytes that may be asked for at once
_PIECE = 4 * CHUNK
_MAGIC = b"\x1f\x8b"
_WITH_GZIP_HEADER = 16 + zlib.MAX_WBITS  # zlib then checks CRC and length too


class GunzipReader:
    """What `file` holds unpacked, forward only. Raises UnreadableError for what is no gzip, damaged or cut short."""

    def __init__(self, file: IO[bytes], meter: Meter) -> None:
        self._file, self._meter = file, meter
        self._inflater = zlib.decompressobj(_WITH_GZIP_HEADER)
        self._packed = b""
        self._ready, self._taken = b"", 0
        self.position = 0

    def read(self, size: int) -> bytes:
        """The next `size` bytes; fewer only at the end. Raises BoundExceededError for more than MAX_PIECE."""
        if size > MAX_PIECE:
            raise BoundExceededError(f"a part of it is larger than {MAX_PIECE} bytes")
        while len(self._ready) - self._taken < size and (piece := self._inflate()):
            self._ready, self._taken = self._ready[self._taken :] + piece, 0
        piece = self._ready[self._taken : self._taken + size]
        self._taken += len(piece)
        self.position += len(piece)
        return piece

    def skip(self, size: int) -> None:
        """Pass over bytes; raises UnreadableError where there are fewer."""
        while size:
            passed = len(self.read(min(size, _PIECE)))
            if not passed:
                raise UnreadableError("it ends early")
            size -= passed

    def _inflate(self) -> bytes:
        """The next piece; empty at the end of a sound stream."""
        while not self._inflater.eof:
            if not self._packed:
                self._packed = self._file.read(CHUNK)
            ends_early = not self._packed
            try:
                piece = self._inflater.decompress(self._packed, _PIECE)
            except zlib.error as error:
                raise UnreadableError("it cannot be inflated as gzip") from error
            self._packed = self._inflater.unconsumed_tail
            if self._inflater.eof:
                self._check_end()
            if piece:
                self._meter.unpack(len(piece))
                return piece
            if ends_early and not self._inflater.eof:
                raise UnreadableError("it ends early")
        return b""

    def _check_end(self) -> None:
        behind = self._inflater.unused_data or self._file.read(len(_MAGIC))
        if behind.startswith(_MAGIC):
            raise UnreadableError("it has several gzip members, of which some readers see only one")
        if behind:
            raise UnreadableError("bytes follow the end of its gzip stream; nothing may")
