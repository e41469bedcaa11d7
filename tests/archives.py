"""Archives made field by field, so that a test can make any part of one wrong."""

import gzip
import io
import struct
import tarfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from indexsite_client.protocol import parse_distribution_filename
from packages.archives import Archive, read_archive
from packages.errors import ArchiveFaultyError
from tests.distributions import metadata, record

INFO = "demo-1.0.dist-info"
WHEEL_NAME, SDIST_NAME = "demo-1.0-py3-none-any.whl", "demo-1.0.tar.gz"
TOP = "demo-1.0"


@dataclass(frozen=True)
class Entry:
    """A member of a zip archive. `both`, `local` and `central` replace fields of its headers; `behind` follows it."""

    name: bytes
    data: bytes = b""
    both: Mapping[str, Any] = field(default_factory=dict)  # numbers and bytes, by the field's name
    local: Mapping[str, Any] = field(default_factory=dict)  # as above
    central: Mapping[str, Any] = field(default_factory=dict)  # as above
    packed: bytes | None = None
    behind: bytes = b""

    def body(self) -> bytes:
        """What lies between the headers: the data deflated, unless `packed` says otherwise."""
        if self.packed is not None:
            return self.packed
        deflater = zlib.compressobj(wbits=-15)
        return deflater.compress(self.data) + deflater.flush()

    def fields(self, **place: int) -> dict[str, Any]:  # numbers and bytes
        """The fields of a header before `local` or `central` replaces any."""
        plain = {"needs": 20, "flags": 0, "method": 8, "crc": zlib.crc32(self.data), "packed": len(self.body())}
        more = {"size": len(self.data), "name": self.name, "extra": b"", "comment": b"", "disk": 0, "attributes": 0}
        return plain | more | place | dict(self.both)


def local_header(entry: Entry) -> bytes:
    """The header before the contents."""
    f = entry.fields() | dict(entry.local)
    numbers = (f["needs"], f["flags"], f["method"], 0, 33, f["crc"], f["packed"], f["size"])
    fixed = struct.pack("<4s5H3L2H", b"PK\3\4", *numbers, len(f["name"]), len(f["extra"]))
    return fixed + bytes(f["name"]) + bytes(f["extra"])


def central_header(entry: Entry, place: int) -> bytes:
    """The header in the directory."""
    f = entry.fields(place=place) | dict(entry.central)
    numbers = (20, f["needs"], f["flags"], f["method"], 0, 33, f["crc"], f["packed"], f["size"])
    lengths = (len(f["name"]), len(f["extra"]), len(f["comment"]))
    fixed = struct.pack(
        "<4s6H3L5H2L", b"PK\1\2", *numbers, *lengths, f["disk"], 0, f["attributes"] & 0xFFFFFFFF, f["place"]
    )
    return fixed + bytes(f["name"]) + bytes(f["extra"]) + bytes(f["comment"])


def raw_zip(
    entries: Sequence[Entry], *, before: bytes = b"", gap: bytes = b"", middle: bytes = b"", after: bytes = b"",
    wide: bool | Mapping[str, int] = False, **end: Any,  # numbers and bytes
) -> bytes:  # fmt: skip
    """A zip archive; `gap` lies before the directory, `middle` behind it. `wide` adds ZIP64 end records."""
    content, directory = bytearray(before), bytearray()
    for entry in entries:
        directory += central_header(entry, len(content))
        content += local_header(entry) + entry.body() + entry.behind
    content += gap
    f: dict[str, Any] = {"count": len(entries), "here": len(entries), "size": len(directory), "start": len(content)}
    tail = b""
    if wide is not False:
        w = dict(f) | {"place": len(content) + len(directory) + len(middle), "record": 44, "disks": 1}
        w |= wide if isinstance(wide, Mapping) else {}
        disks = (w.get("disk", 0), w.get("first_disk", 0))
        numbers = (w["record"], 45, 45, *disks, w["here"], w["count"], w["size"], w["start"])
        tail = struct.pack("<4sQ2H2L4Q", b"PK\6\6", *numbers)
        tail += struct.pack("<4sLQL", b"PK\6\7", w.get("locator_disk", 0), w["place"], w["disks"])
        f |= {"count": 0xFFFF, "here": 0xFFFF, "size": 0xFFFFFFFF, "start": 0xFFFFFFFF}
    f |= end
    comment: bytes = f.get("comment", b"")
    ending = (f.get("disk", 0), f.get("first_disk", 0), f["here"], f["count"], f["size"], f["start"], len(comment))
    last = struct.pack("<4s4H2LH", b"PK\5\6", *ending)
    return bytes(content + directory) + middle + tail + last + comment + after


def wheel_files(members: Mapping[str, bytes] | None = None, *, info: str = INFO) -> dict[str, bytes]:
    """The files of a good wheel, RECORD the last; `members` come first and replace others."""
    files = {
        "demo/__init__.py": b"ANSWER = 42\n" * 20,
        f"{info}/METADATA": metadata("demo", "1.0").encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        **(members or {}),
    }
    files.setdefault(f"{info}/RECORD", record(files, info))
    return files


def entries_of(files: Mapping[str, bytes]) -> list[Entry]:
    """Members as they are usually packed."""
    return [Entry(name.encode(), data) for name, data in files.items()]


def change(entries: Sequence[Entry], **changes: Any) -> list[Entry]:  # the fields of Entry
    """The entries, the first one changed."""
    return [replace(entries[0], **changes), *entries[1:]]


def wheel_of(members: Mapping[str, bytes] | None = None) -> bytes:
    """A good wheel with these files too."""
    return raw_zip(entries_of(wheel_files(members)))


def tar_member(name: str, data: bytes = b"", **attributes: Any) -> tuple[tarfile.TarInfo, bytes]:  # TarInfo's own
    """A member of a tar archive, with the attributes that TarInfo has."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for attribute, value in attributes.items():
        setattr(info, attribute, value)
    return info, data


PKG_INFO = tar_member(f"{TOP}/PKG-INFO", metadata("demo", "1.0").encode())


def tar_of(*members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    """A tar archive, without gzip."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for info, data in members:
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def zipped(*blocks: bytes) -> bytes:
    """Bytes as one gzip member."""
    return gzip.compress(b"".join(blocks), 1, mtime=0)


def sdist_of(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    """A good sdist with these members too, before PKG-INFO."""
    return zipped(tar_of(*members, PKG_INFO))


def read(filename: str, content: bytes) -> Archive:
    """What the reader says of these bytes."""
    return read_archive(parse_distribution_filename(filename), io.BytesIO(content))


def faults(filename: str, content: bytes) -> list[str]:
    """The sentences of the refusal, each fit to be read by people; none where the archive is taken."""
    try:
        read(filename, content)
    except ArchiveFaultyError as error:
        for sentence in error.faults:
            assert sentence.isprintable(), sentence
            assert sentence.endswith("."), sentence
            assert len(sentence) < 700, sentence
            assert filename in sentence, sentence
        return list(error.faults)
    return []


ONE_OF_EACH_KIND = (
    tar_member(TOP, type=tarfile.DIRTYPE),
    tar_member(f"{TOP}/a/file.py", b"x = 1\n"),
    PKG_INFO,
    tar_member(f"{TOP}/a/link.py", type=tarfile.SYMTYPE, linkname="../a/file.py"),
    tar_member(f"{TOP}/a/same.py", type=tarfile.LNKTYPE, linkname=f"{TOP}/a/file.py"),
    tar_member(f"{TOP}/" + "x" * 90 + "/" + "y" * 90, b"z" * 700),
)
