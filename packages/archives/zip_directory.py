"""A zip archive's directory, read as strictly as if every reader were another one: APPNOTE 4.3.12 to 4.3.16. Pure."""

import os
import stat
import struct
from dataclasses import dataclass
from typing import IO

from packages.archives.bounded import MAX_MEMBERS, MAX_NAMES, BoundExceededError, Meter, UnreadableError
from packages.archives.faults import Faults
from packages.archives.zip_extra import fault_of_extra, read_extra, widen

STORED, DEFLATED = 0, 8
_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_END_SIGNATURE, _END64_SIGNATURE, _LOCATOR_SIGNATURE = b"PK\5\6", b"PK\6\6", b"PK\6\7"
_ENTRY_SIGNATURE = b"PK\1\2"
_MAX_COMMENT = 0xFFFF
_NEWEST = 63  # of the format's versions, times ten, that Python's zipfile opens
_ENCRYPTED, DESCRIPTOR, _UTF8 = 1 << 0, 1 << 3, 1 << 11
_HARMLESS = 1 << 1 | 1 << 2 | _UTF8  # the first two say how hard a deflater tried
AGAIN = "build it again with a current build tool"


@dataclass(frozen=True, slots=True)
class ZipMember:
    """What the directory says of a member; `packed` and `size` in bytes, `place` that of its local header."""

    name: str  # without the slash at the end of a folder's
    raw_name: bytes
    is_folder: bool
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    place: int

    @property
    def in_local_header(self) -> tuple[object, ...]:
        """What the local header must say, in its order."""
        return self.flags, self.method, self.crc, self.packed, self.size, self.raw_name

    @property
    def can_be_unpacked(self) -> bool:
        """Whether its contents can be looked at."""
        return self.method in {STORED, DEFLATED} and not self.flags & _ENCRYPTED


@dataclass(frozen=True, slots=True)
class ZipDirectory:
    """The members in the order of the directory, which begins at `start`."""

    members: list[ZipMember]
    start: int


def read_directory(file: IO[bytes], faults: Faults, meter: Meter) -> ZipDirectory:
    """Read it; raises UnreadableError where its bounds are not beyond doubt, before any member is looked at."""
    count, size, start, end = _find_directory(file)
    if count > MAX_MEMBERS:
        raise BoundExceededError(f"it has more than {MAX_MEMBERS} members, {count}; split the distribution")
    if size > MAX_NAMES:
        raise BoundExceededError(f"its directory is larger than {MAX_NAMES} bytes")
    if start + size != end:
        raise UnreadableError(
            "bytes lie before the archive, or between its directory and its end (a second end record, "
            "or another archive); nothing may"
        )
    file.seek(start)
    content = file.read(size)
    members: list[ZipMember] = []
    position = 0
    for _ in range(count):
        meter.meet_member()
        member, position = _read_entry(content, position, faults)
        members.append(member)
    if position != size:
        raise UnreadableError(f"its directory holds more than the {count} members that its end record announces")
    meter.check(sum(member.size for member in members))
    return ZipDirectory(members, start)


def _find_directory(file: IO[bytes]) -> tuple[int, int, int, int]:
    """The number of members; size, start and end of the directory."""
    length = file.seek(0, os.SEEK_END)
    at = length - _END.size
    if at < 0:
        raise UnreadableError("it is too short for a zip archive")
    tail = _read_at(file, at, _END.size)
    if tail.rfind(_END_SIGNATURE) != 0 or tail[-2:] != b"\0\0":
        raise UnreadableError(_why_no_end(file, length))
    _, disk, first_disk, here, count, size, start, _ = _END.unpack(tail)
    if disk or first_disk or here != count:
        raise UnreadableError("it says that it is one of several volumes")
    if at < _LOCATOR.size or _read_at(file, at - _LOCATOR.size, 4) != _LOCATOR_SIGNATURE:
        return count, size, start, at
    at, wide = _read_end64(file, at - _LOCATOR.size)
    for narrow, value, most in zip((count, size, start), wide, (0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF), strict=True):
        if narrow not in {value, most}:
            raise UnreadableError("its ZIP64 end record and its plain end record contradict each other")
    return *wide, at


def _read_end64(file: IO[bytes], locator: int) -> tuple[int, tuple[int, int, int]]:
    """Where the ZIP64 end record begins, and the number of members, size and start of the directory that it gives."""
    _, disk, place, disks = _LOCATOR.unpack(_read_at(file, locator, _LOCATOR.size))
    at = locator - _END64.size
    if disk or disks != 1 or place != at:
        raise UnreadableError("its ZIP64 locator does not point to a ZIP64 end record right before it")
    signature, rest, _, _, own_disk, first_disk, here, count, size, start = _END64.unpack(
        _read_at(file, at, _END64.size)
    )
    if signature != _END64_SIGNATURE or rest != _END64.size - 12 or own_disk or first_disk or here != count:
        raise UnreadableError("its ZIP64 end record is malformed")
    return at, (count, size, start)


def _why_no_end(file: IO[bytes], length: int) -> str:
    """Why the file does not end as a zip archive must."""
    tail = _read_at(file, max(0, length - _END.size - _MAX_COMMENT), _END.size + _MAX_COMMENT)
    found = tail.rfind(_END_SIGNATURE)
    if found < 0:
        return "it does not end as a zip archive does, so it is none or was cut short"
    after = len(tail) - found - _END.size
    if after >= 0 and int.from_bytes(tail[found + 20 : found + 22], "little") == after:
        return "it has an archive comment, in which another end can hide; nothing may follow the end record"
    return "bytes follow its end record, belong to a second one, or are announced and missing; nothing may follow"


def _read_entry(content: bytes, position: int, faults: Faults) -> tuple[ZipMember, int]:
    if len(content) - position < _ENTRY.size or content[position : position + 4] != _ENTRY_SIGNATURE:
        raise UnreadableError("its directory holds fewer members than its end record announces, or is malformed")
    fields = _ENTRY.unpack_from(content, position)
    _, _made_by, needs, flags, method, _time, _date, crc, packed, size = fields[:10]
    name_length, extra_length, comment_length, disk, _internal, attributes, place = fields[10:]
    name_end = position + _ENTRY.size + name_length
    raw_name, extra = content[position + _ENTRY.size : name_end], content[name_end : name_end + extra_length]
    end = name_end + extra_length + comment_length
    if end > len(content):
        raise UnreadableError("its directory is cut short")
    if extra:
        found = read_extra(extra)
        if fault := fault_of_extra(found, raw_name):
            faults.member(raw_name, fault, mend=AGAIN)
        widened = widen(found or {}, (size, packed, place), in_directory=True)
        if widened is None:
            faults.member(raw_name, "has ZIP64 sizes that contradict the plain ones", mend=AGAIN)
        else:
            size, packed, place = widened
    name = _decode_name(raw_name, flags, faults)
    is_folder = name.endswith("/")
    member = ZipMember(name.removesuffix("/"), raw_name, is_folder, flags, method, crc, packed, size, place)
    if needs > _NEWEST or disk or comment_length:
        faults.member(raw_name, "has a comment, lies on another volume, or needs a newer zip format", mend=AGAIN)
    _check_entry(member, attributes >> 16, faults)
    return member, end


def _check_entry(member: ZipMember, mode: int, faults: Faults) -> None:
    if member.flags & _ENCRYPTED:
        faults.member(member.name, "is encrypted, so that nobody can look at it", mend="pack it without a password")
    elif member.flags & DESCRIPTOR:
        faults.member(
            member.name,
            "has its sizes in a data descriptor behind it, where not every reader finds them",
            mend="write the archive to a file that can be sought, not to a pipe",
        )
    elif member.flags & ~_HARMLESS:
        faults.member(member.name, f"has flags that nobody needs ({member.flags:#06x})", mend=AGAIN)
    if member.method not in {STORED, DEFLATED}:
        faults.member(
            member.name,
            f"is packed otherwise than stored or deflated (method {member.method})",
            mend="build it again with deflate, which every installer unpacks",
        )
    kind = stat.S_IFMT(mode)
    if kind and kind != (stat.S_IFDIR if member.is_folder else stat.S_IFREG):
        faults.member(
            member.name, "is marked as a link, a device or another kind than its name says", mend="ship the file itself"
        )
    if member.is_folder and member.size:
        faults.member(member.name, "is a folder with contents", mend=AGAIN)


def _decode_name(raw: bytes, flags: int, faults: Faults) -> str:
    if raw.isascii():
        return raw.decode("ascii")
    try:
        name = raw.decode()
    except UnicodeDecodeError:
        faults.member(raw, "has a name that is not UTF-8", mend="rename it, or build with a tool that writes UTF-8")
        return raw.decode("utf-8", "replace")
    if not flags & _UTF8:
        faults.member(raw, "has a name beyond ASCII that is not marked as UTF-8", mend=AGAIN)
    return name


def _read_at(file: IO[bytes], place: int, size: int) -> bytes:
    file.seek(place)
    return file.read(size)
