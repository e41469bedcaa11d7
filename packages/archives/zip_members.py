"""The members of a zip archive: local headers held against the directory, contents unpacked in bounds. Pure."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import IO

from packages.archives.bounded import CHUNK, Meter, UnreadableError
from packages.archives.faults import Faults, shown
from packages.archives.zip_directory import AGAIN, DEFLATED, DESCRIPTOR, ZipDirectory, ZipMember
from packages.archives.zip_extra import fault_of_extra, read_extra, widen

_LOCAL = struct.Struct("<4s5H3L2H")
_LOCAL_SIGNATURE = b"PK\3\4"
_PIECE = 4 * CHUNK


class ContentsError(Exception):
    """A member's contents are not what its headers say; the message says how, as the predicate of a sentence."""


@dataclass(frozen=True, slots=True)
class PlacedMember:
    """A member whose local header was read; its contents begin at `contents`."""

    member: ZipMember
    contents: int


def place_members(file: IO[bytes], directory: ZipDirectory, faults: Faults) -> list[PlacedMember]:
    """The members in the order in which they lie, one right after the other; raises UnreadableError where they do not.

    So a reader that goes from one local header to the next finds what the directory says, and nothing else.
    """
    if any(member.flags & DESCRIPTOR for member in directory.members):
        faults.raise_any()  # there is no way from one such member to the next
    placed: list[PlacedMember] = []
    expected = 0
    for member in sorted(directory.members, key=attrgetter("place")):
        if member.place != expected:
            how = "bytes that belong to no member lie before" if member.place > expected else "another member overlaps"
            raise UnreadableError(f"{how} {shown(member.raw_name)}")
        file.seek(member.place)
        header = file.read(_LOCAL.size)
        if len(header) < _LOCAL.size or not header.startswith(_LOCAL_SIGNATURE):
            raise UnreadableError(f"there is no local header of {shown(member.raw_name)} where its directory says")
        fields = _LOCAL.unpack(header)
        name_length, extra_length = fields[9:]
        variable = file.read(name_length + extra_length)
        _compare(member, fields, variable[:name_length], variable[name_length:], faults)
        contents = member.place + _LOCAL.size + name_length + extra_length
        placed.append(PlacedMember(member, contents))
        expected = contents + member.packed
    if expected != directory.start:
        raise UnreadableError("the members and the directory overlap, or bytes that belong to neither lie between them")
    return placed


def _compare(member: ZipMember, fields: tuple[int, ...], name: bytes, extra: bytes, faults: Faults) -> None:
    flags, method, crc, packed, size = *fields[2:4], *fields[6:9]
    if not extra and (*fields[2:4], *fields[6:9], name) == member.in_local_header:
        return  # the usual case
    found = read_extra(extra)
    if fault := fault_of_extra(found, name):
        faults.member(member.raw_name, f"{fault} in its local header", mend=AGAIN)
    sizes = widen(found or {}, (size, packed), in_directory=False)
    if sizes is None:
        faults.member(member.raw_name, "has ZIP64 sizes in its local header that contradict the plain ones", mend=AGAIN)
        sizes = (member.size, member.packed)
    differing = [
        word
        for word, here, there in (
            ("name", name, member.raw_name),
            ("flags", flags, member.flags),
            ("compression method", method, member.method),
            ("CRC", crc, member.crc),
            ("sizes", sizes, (member.size, member.packed)),
        )
        if here != there
    ]
    if differing:
        faults.member(
            member.raw_name,
            f"has another {' and another '.join(differing)} in its local header than in the directory, "
            "so that it differs from reader to reader",
            mend=AGAIN,
        )


def unpack(file: IO[bytes], placed: PlacedMember, meter: Meter) -> Iterator[bytes]:
    """The contents, in pieces, counted by the meter.

    Raises ContentsError where they are not what the headers say; never gives more than one piece beyond their size.
    """
    member = placed.member
    file.seek(placed.contents)
    crc, size = 0, 0
    for piece in (_inflate if member.method == DEFLATED else _copy)(file, member.packed):
        meter.unpack(len(piece))
        size += len(piece)
        if size > member.size:
            raise ContentsError(f"unpacks to more than the {member.size} bytes that its header says")
        crc = zlib.crc32(piece, crc)
        yield piece
    if size != member.size:
        raise ContentsError(f"unpacks to {size} bytes, not to the {member.size} that its header says")
    if crc != member.crc:
        raise ContentsError("is damaged, for its CRC differs from the one in its header")


def _copy(file: IO[bytes], left: int) -> Iterator[bytes]:
    while left and (piece := file.read(min(left, _PIECE))):
        left -= len(piece)
        yield piece


def _inflate(file: IO[bytes], left: int) -> Iterator[bytes]:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    packed = b""
    while not inflater.eof:
        if not packed:
            packed = file.read(min(left, CHUNK))
            left -= len(packed)
        ends_early = not packed
        try:
            piece = inflater.decompress(packed, _PIECE)
        except zlib.error as error:
            raise ContentsError("is damaged, for it cannot be inflated") from error
        packed = inflater.unconsumed_tail
        if piece:
            yield piece
        elif ends_early and not inflater.eof:
            raise ContentsError("is damaged, for its compressed contents end early")
    if left or inflater.unused_data:
        raise ContentsError("has bytes behind its compressed contents that no reader unpacks")
