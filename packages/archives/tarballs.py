"""Walking a hostile tar archive, header by header, with nothing kept of what was passed. Pure.

`tarfile` keeps lists as long as an archive wants (sparse maps, extended headers), so only its parser of one header is
used. What an sdist has no need for, sparse files above all, is refused; so is what readers understand differently:
two names for one member, a size that an extended header changes, anything after the end.
"""

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from packages.archives.bounded import CHUNK, BoundExceededError, Meter, UnreadableError
from packages.archives.faults import shown
from packages.archives.gunzip import GunzipReader

BLOCK = tarfile.BLOCKSIZE
MAX_EXTENDED = 1024 * 1024  # bytes of one extended header or long name
_EXTENDED = {tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE}
_LONG = {tarfile.GNUTYPE_LONGNAME: "path", tarfile.GNUTYPE_LONGLINK: "linkpath"}
_MATTERS = {"path", "linkpath", "size", "hdrcharset"}
_GNU_MAGIC, _PREFIX = slice(257, 265), slice(345, 500)


class Kind(Enum):
    """What a member is; devices and the like are OTHER."""

    FILE = auto()
    FOLDER = auto()
    SYMLINK = auto()
    HARDLINK = auto()
    OTHER = auto()


_KINDS = {
    tarfile.REGTYPE: Kind.FILE,
    tarfile.AREGTYPE: Kind.FILE,
    tarfile.CONTTYPE: Kind.FILE,
    tarfile.DIRTYPE: Kind.FOLDER,
    tarfile.SYMTYPE: Kind.SYMLINK,
    tarfile.LNKTYPE: Kind.HARDLINK,
    tarfile.CHRTYPE: Kind.OTHER,
    tarfile.BLKTYPE: Kind.OTHER,
    tarfile.FIFOTYPE: Kind.OTHER,
}


@dataclass(frozen=True, slots=True)
class TarMember:
    """A member; `size` in bytes. Its contents may be read from the reader, before the next member is asked for."""

    name: str
    kind: Kind
    size: int
    target: str  # of a link


def walk_tar(reader: GunzipReader, meter: Meter) -> Iterator[TarMember]:
    """The members, in order, and then the end; raises UnreadableError for what is no tar archive or cut short."""
    overrides: dict[str, str] = {}
    while (header := _read_header(reader)) is not None:
        start, size = reader.position, header.size
        if header.type in _EXTENDED:
            _override(overrides, _extended(reader, size))
        elif header.type == tarfile.XGLTYPE:
            if _MATTERS & _extended(reader, size).keys():
                raise UnreadableError("a global header changes the names or sizes of members, which nobody needs")
        elif header.type in _LONG:
            _override(overrides, {_LONG[header.type]: _long_name(reader, size)})
        else:
            meter.meet_member()
            yield _member(header, overrides)
            overrides = {}
        reader.skip(start + -(-size // BLOCK) * BLOCK - reader.position)
    if overrides:
        raise UnreadableError("it ends after an extended header, before the member that this is about")
    while rest := reader.read(CHUNK):
        if rest.count(0) != len(rest):
            raise UnreadableError("bytes follow the end of the tar archive; nothing may")


def _member(header: tarfile.TarInfo, overrides: dict[str, str]) -> TarMember:
    """The member that a header speaks of, with what extended headers before it said."""
    name = overrides.get("path", header.name)
    kind = _KINDS.get(header.type)
    if kind is None:
        raise BoundExceededError(
            f"the member {shown(name)} is sparse or of a type, {header.type!r}, for which sdists have no use"
        )
    if kind is not Kind.FILE and header.size:
        raise UnreadableError(f"{shown(name)} is no file and yet has contents")
    if overrides.get("size", str(header.size)) != str(header.size):
        raise UnreadableError(f"{shown(name)} has another size in its extended header than in its own")
    return TarMember(name, kind, header.size, overrides.get("linkpath", header.linkname))


def _read_header(reader: GunzipReader) -> tarfile.TarInfo | None:
    """The next header; None at the end-of-archive block."""
    block = reader.read(BLOCK)
    if len(block) == BLOCK and block.count(0) == BLOCK:
        return None
    if not block:
        raise UnreadableError("the tar archive in it lacks its end")
    try:
        header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError as error:
        raise UnreadableError(f"it is no tar archive, or a header in it is malformed ({error})") from error
    if header.size < 0:
        raise UnreadableError("a member has a negative size")
    if block[_GNU_MAGIC] == tarfile.GNU_MAGIC and any(block[_PREFIX]) and header.type != tarfile.GNUTYPE_SPARSE:
        raise UnreadableError("a header of GNU's kind has a prefix, which readers understand differently")
    return header


def _override(overrides: dict[str, str], found: dict[str, str]) -> None:
    if twice := overrides.keys() & found.keys():
        raise UnreadableError(f"two extended headers before one member both give its {min(twice)}")
    overrides |= found


def _long_name(reader: GunzipReader, size: int) -> str:
    return _decode(_read_exactly(reader, size).removesuffix(b"\0"))


def _extended(reader: GunzipReader, size: int) -> dict[str, str]:
    """What matters of an extended header: records of the form "length key=value\\n" (POSIX pax)."""
    content, found = _read_exactly(reader, size), {}
    start = 0
    while start < len(content):
        digits, _, _ = content[start : start + 20].partition(b" ")
        end = start + int(digits) if digits.isdigit() and len(digits) < 10 else 0
        key, equals, value = content[start + len(digits) + 1 : end - 1].partition(b"=")
        if not start < end <= len(content) or content[end - 1 : end] != b"\n" or not equals or not key:
            raise UnreadableError("an extended header is malformed")
        if key.startswith(b"GNU.sparse"):
            raise BoundExceededError("it has a sparse member, for which sdists have no use")
        name = key.decode(errors="replace")
        if name in found:
            raise UnreadableError(f"an extended header gives {shown(name)} twice")
        if name in _MATTERS:
            found[name] = _decode(value)
        start = end
    if "hdrcharset" in found:
        raise UnreadableError("an extended header changes the encoding of names; use UTF-8")
    return found


def _decode(value: bytes) -> str:
    """As tarfile does; what is not UTF-8, or has NULs, is found by whoever looks at names."""
    return value.decode("utf-8", "surrogateescape")


def _read_exactly(reader: GunzipReader, size: int) -> bytes:
    if size > MAX_EXTENDED:
        raise BoundExceededError(f"it has an extended header larger than {MAX_EXTENDED} bytes")
    return reader.read(size)  # where it is shorter, there is no next header to skip to either
