"""Walking a hostile tar archive, header by header, with nothing kept of what was passed. Pure.

`tarfile` keeps lists as long as an archive wants (sparse maps, extended headers), so only its parser of one header is
used. What an sdist has no need for, sparse files above all, is refused.
"""

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass

from packages.bounded import BoundedReader, BoundExceededError

BLOCK = tarfile.BLOCKSIZE
MAX_EXTENDED = 1024 * 1024  # bytes of one extended header or long name
_FILES = {tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE}
_OTHERS = {tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE}
_EXTENDED = {tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE}


@dataclass(frozen=True, slots=True)
class TarMember:
    """A member; `size` in bytes. Its contents may be read from the reader, before the next member is asked for."""

    name: str
    size: int
    is_file: bool


def walk_tar(reader: BoundedReader) -> Iterator[TarMember]:
    """The members, in order. Raises BoundExceededError, or tarfile.TarError for what is no tar archive or cut short."""
    overrides: dict[str, str] = {}
    while (header := _read_header(reader)) is not None:
        start = reader.tell()
        if header.type in _EXTENDED:
            overrides |= _extended(reader, header.size)
        elif header.type == tarfile.XGLTYPE:
            _extended(reader, header.size)  # speaks of all members; only comments are expected
        elif header.type == tarfile.GNUTYPE_LONGNAME:
            overrides["path"] = _read_exactly(reader, header.size).rstrip(b"\0").decode(errors="replace")
        elif header.type == tarfile.GNUTYPE_LONGLINK:
            _read_exactly(reader, header.size)
        elif header.type not in _FILES | _OTHERS:
            raise BoundExceededError(f"it has a member of the type {header.type!r}, for which sdists have no use")
        else:
            is_file = header.type in _FILES
            header.size = int(overrides.get("size", header.size)) if is_file else 0
            yield TarMember(overrides.get("path", header.name), header.size, is_file)
            overrides = {}
        _skip_to(reader, start + -(-header.size // BLOCK) * BLOCK)


def _read_header(reader: BoundedReader) -> tarfile.TarInfo | None:
    """The next header; None at the end-of-archive block."""
    block = reader.read(BLOCK)
    if not block or block.count(0) == BLOCK:
        return None
    header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    if header.size < 0:
        raise tarfile.HeaderError("a member has a negative size")
    return header


def _extended(reader: BoundedReader, size: int) -> dict[str, str]:
    """Path and size out of an extended header: records of the form "length key=value\\n" (POSIX pax)."""
    content, found = _read_exactly(reader, size), {}
    while content.strip(b"\0"):
        length, _, _ = content[:20].partition(b" ")
        record, content = content[: int(length)], content[int(length) :]
        if not length.isdigit() or int(length) < 5 or not record.endswith(b"\n"):
            raise tarfile.HeaderError("an extended header is malformed")
        key, _, value = record[len(length) + 1 : -1].partition(b"=")
        if key.startswith(b"GNU.sparse"):
            raise BoundExceededError("it has a sparse member, for which sdists have no use")
        if key in {b"path", b"size"}:
            found[key.decode()] = value.decode(errors="replace")
    if not found.get("size", "0").isdecimal():
        raise tarfile.HeaderError("an extended header gives no proper size")
    return found


def _read_exactly(reader: BoundedReader, size: int) -> bytes:
    if size > MAX_EXTENDED:
        raise BoundExceededError(f"it has an extended header larger than {MAX_EXTENDED} bytes")
    content = reader.read(-(-size // BLOCK) * BLOCK)
    if len(content) < size:
        raise tarfile.ReadError("it is cut short")
    return content[:size]


def _skip_to(reader: BoundedReader, position: int) -> None:
    if reader.seek(position) != position:
        raise tarfile.ReadError("it is cut short")
