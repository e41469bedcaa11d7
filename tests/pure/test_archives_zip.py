"""The framing of zip archives: each rule refuses an archive that breaks it alone, and takes its good neighbour."""

import struct
import zlib
from dataclasses import replace

import pytest

from tests.archives import (
    INFO,
    WHEEL_NAME,
    Entry,
    change,
    entries_of,
    faults,
    local_header,
    raw_zip,
    wheel_files,
    wheel_of,
)

GOOD = entries_of(wheel_files())
EXTRA = struct.pack("<2H", 0xCAFE, 2) + b"xx"
FIRST = GOOD[0]
SIZES = (len(FIRST.data), len(FIRST.body()))
WIDE = 0xFFFFFFFF


def zip64(*values: int) -> bytes:
    """ZIP64's extra field."""
    return struct.pack(f"<2H{len(values)}Q", 1, 8 * len(values), *values)


def unicode_path(name: bytes) -> bytes:
    return struct.pack("<2HBL", 0x7075, 5 + len(name), 1, zlib.crc32(FIRST.name)) + name


def both(**fields: object) -> bytes:
    return raw_zip(change(GOOD, both=fields))


def local(**fields: object) -> bytes:
    return raw_zip(change(GOOD, local=fields))


def central(**fields: object) -> bytes:
    return raw_zip(change(GOOD, central=fields))


def described() -> bytes:
    """As zip archives are written into a pipe: sizes behind each member."""
    entry = GOOD[0]
    descriptor = struct.pack("<4s3L", b"PK\7\x08", zlib.crc32(entry.data), len(entry.body()), len(entry.data))
    zeros = {"crc": 0, "packed": 0, "size": 0}
    return raw_zip(change(GOOD, both={"flags": 8}, local=zeros, behind=descriptor))


def overlapping() -> bytes:
    """A second directory entry with a name of its own, and the first one's contents."""
    hidden = Entry(b"demo/hidden.py", FIRST.data)
    return raw_zip([replace(GOOD[0], packed=FIRST.body()), replace(hidden, central={"place": 0}), *GOOD[1:]])


PLAIN = raw_zip(GOOD)
DIRECTORY = sum(46 + len(entry.name) for entry in GOOD)  # bytes
TWICE = [GOOD[0], *GOOD]

CASES = [
    # of the end of the archive
    ("no end record", PLAIN[:-22], "does not end as a zip", PLAIN),
    ("empty", b"", "too short", PLAIN),
    ("too short", PLAIN[-21:], "too short", PLAIN),
    ("a comment announced and missing", PLAIN[:-2] + b"\5\0", "announced and missing", PLAIN),
    ("an end record within the end record", raw_zip(GOOD, size=0x06054B50), "a second one", PLAIN),
    ("cut in two", PLAIN[: len(PLAIN) // 2], "damaged or no archive", PLAIN),
    ("data behind", raw_zip(GOOD, after=b"x"), "nothing may", PLAIN),
    ("zeros behind", raw_zip(GOOD, after=b"\0" * 30), "nothing may", PLAIN),
    ("another archive behind", PLAIN + PLAIN, "bytes lie before the archive", PLAIN),
    ("data before", b"#!/bin/sh\n" + PLAIN, "bytes lie before the archive", PLAIN),
    ("data before, offsets right", raw_zip(GOOD, before=b"MZ" * 9), "belong to no member lie before", PLAIN),
    ("a second end record", raw_zip(GOOD, middle=PLAIN[-22:]), "a second end record", PLAIN),
    ("archive comment", raw_zip(GOOD, comment=b"hello"), "archive comment", PLAIN),
    ("end record in the comment", raw_zip(GOOD, comment=PLAIN[-22:]), "bytes lie before", PLAIN),
    ("the second volume", raw_zip(GOOD, disk=1), "several volumes", PLAIN),
    ("a directory on the second volume", raw_zip(GOOD, first_disk=1), "several volumes", PLAIN),
    ("several volumes", raw_zip(GOOD, here=1), "several volumes", PLAIN),
    ("more members than announced", raw_zip(GOOD, count=3, here=3), "more than the 3 members", PLAIN),
    ("fewer members than announced", raw_zip(GOOD, count=5, here=5), "fewer members", PLAIN),
    ("a directory of other things", PLAIN.replace(b"PK\1\2", b"PK\1\3", 1), "is malformed", PLAIN),
    (
        "a directory with a stump of a member",
        raw_zip(GOOD, middle=b"PK\1\2stump", size=DIRECTORY + 9, count=len(GOOD) + 1, here=len(GOOD) + 1),
        "is malformed",
        PLAIN,
    ),
    (
        "a member's name beyond the directory",
        PLAIN[: PLAIN.rindex(b"PK\1\2") + 28] + b"\xff\xff" + PLAIN[PLAIN.rindex(b"PK\1\2") + 30 :],
        "directory is cut short",
        PLAIN,
    ),
    ("directory too short", raw_zip(GOOD, size=10), "bytes lie before", PLAIN),
    # ZIP64
    ("ZIP64 contradicts", raw_zip(GOOD, wide=True, count=3, here=3), "contradict", raw_zip(GOOD, wide=True)),
    ("ZIP64 locator astray", raw_zip(GOOD, wide={"place": 7}), "ZIP64 locator", raw_zip(GOOD, wide=True)),
    ("ZIP64 of two volumes", raw_zip(GOOD, wide={"disks": 2}), "ZIP64 locator", raw_zip(GOOD, wide=True)),
    ("ZIP64 of another volume", raw_zip(GOOD, wide={"locator_disk": 1}), "ZIP64 locator", raw_zip(GOOD, wide=True)),
    ("ZIP64 on another volume", raw_zip(GOOD, wide={"disk": 1}), "malformed", raw_zip(GOOD, wide=True)),
    ("ZIP64 that begins elsewhere", raw_zip(GOOD, wide={"first_disk": 1}), "malformed", raw_zip(GOOD, wide=True)),
    ("ZIP64 of two counts", raw_zip(GOOD, wide={"here": 1}), "malformed", raw_zip(GOOD, wide=True)),
    ("ZIP64 of another count", raw_zip(GOOD, wide={"count": 3, "here": 3}), "more than the 3", PLAIN),
    ("ZIP64 of another signature", raw_zip(GOOD, wide=True).replace(b"PK\6\6", b"PK\6\5"), "malformed", PLAIN),
    ("ZIP64 record too long", raw_zip(GOOD, wide={"record": 50}), "malformed", raw_zip(GOOD, wide=True)),
    ("data before ZIP64's end", raw_zip(GOOD, wide=True, middle=b"xx"), "bytes lie before", raw_zip(GOOD, wide=True)),
    (
        "local ZIP64 contradicts",
        local(extra=zip64(SIZES[0] + 1, SIZES[1]), size=WIDE, packed=WIDE),
        "another sizes",
        local(extra=zip64(*SIZES), size=WIDE, packed=WIDE),
    ),
    ("local ZIP64 beside others", local(extra=zip64(1, 2)), "ZIP64 sizes", local(extra=zip64(*SIZES))),
    ("local ZIP64 of one size", local(extra=zip64(SIZES[0]), size=WIDE), "ZIP64 sizes", local(extra=zip64(*SIZES))),
    ("ZIP64 twice", local(extra=zip64(*SIZES) * 2), "malformed extra", local(extra=EXTRA * 2)),
    ("ZIP64 not needed", central(extra=zip64(*SIZES)), "ZIP64 sizes", central(extra=EXTRA)),
    (
        "ZIP64 lacks a size",
        central(extra=zip64(SIZES[0]), size=WIDE, packed=WIDE),
        "ZIP64 sizes",
        central(extra=zip64(*SIZES), size=WIDE, packed=WIDE),
    ),
    # local header against directory
    ("another name", local(name=b"demo/__evil__.py"), "another name", both(name=b"demo/__init__.py")),
    ("another size", local(size=7), "another sizes", PLAIN),
    ("another packed size", local(packed=7), "another sizes", PLAIN),
    ("another CRC", local(crc=7), "another CRC", PLAIN),
    ("another method", local(method=0), "another compression method", PLAIN),
    ("other flags", local(flags=0x800), "another flags", both(flags=0x800)),
    ("no local header", PLAIN.replace(b"PK\3\4", b"PK\3\5", 1), "no local header", PLAIN),
    ("a place in the middle", central(place=3), "belong to no member lie before", PLAIN),
    ("data descriptor", described(), "data descriptor", PLAIN),
    ("encrypted", both(flags=1), "is encrypted", both(flags=6)),
    ("strange flags", both(flags=0x40), "flags that nobody needs (0x0040)", both(flags=0)),
    ("bzip2", both(method=12), "otherwise than stored or deflated (method 12)", PLAIN),
    ("LZMA", both(method=14), "otherwise than stored or deflated (method 14)", PLAIN),
    ("newer format", both(needs=64), "newer zip format", both(needs=63)),
    ("comment of a member", central(comment=b"hello"), "has a comment", PLAIN),
    ("another volume", central(disk=1), "another volume", PLAIN),
    ("malformed extra", local(extra=b"\1\0\x99"), "malformed extra", local(extra=EXTRA)),
    ("malformed extra in the directory", central(extra=b"\1\0\x99\0"), "malformed extra", central(extra=EXTRA)),
    (
        "a second name",
        central(extra=unicode_path(b"demo/__evil__.py")),
        "a second, other name",
        central(extra=unicode_path(FIRST.name)),
    ),
    # the layout
    ("a gap", raw_zip(change(GOOD, behind=b"hidden")), "belong to no member lie before", PLAIN),
    ("a gap before the directory", raw_zip(GOOD, gap=b"hidden"), "between them", PLAIN),
    ("a member hidden in a gap", raw_zip(change(GOOD, behind=local_header(FIRST))), "belong to no member", PLAIN),
    ("overlap", overlapping(), "another member overlaps", PLAIN),
    # contents
    ("CRC wrong in both", both(crc=7), "CRC differs", PLAIN),
    ("longer than said", both(size=7), "unpacks to more than the 7 bytes", PLAIN),
    ("shorter than said", both(size=7000), "not to the 7000", PLAIN),
    ("damaged", raw_zip(change(GOOD, packed=b"\xff" * 9)), "cannot be inflated", PLAIN),
    ("contents cut short", raw_zip(change(GOOD, packed=FIRST.body()[:-3])), "end early", PLAIN),
    ("hidden behind the contents", raw_zip(change(GOOD, packed=FIRST.body() + b"x")), "no reader unpacks", PLAIN),
    ("much hidden behind", raw_zip(change(GOOD, packed=FIRST.body() + b"x" * 99_999)), "no reader unpacks", PLAIN),
    (
        "stored, but shorter",
        raw_zip(change(GOOD, both={"method": 0}, packed=FIRST.data[:-1])),
        "unpacks to",
        raw_zip(change(GOOD, both={"method": 0}, packed=FIRST.data)),
    ),
    # kinds and duplicates
    ("the same name twice", raw_zip(TWICE), "is there twice", PLAIN),
    ("a symbolic link", central(attributes=0o120777 << 16), "marked as a link", central(attributes=0o100644 << 16)),
    ("a device", central(attributes=0o060644 << 16), "marked as a link", central(attributes=0x20)),
    (
        "a folder twice",
        raw_zip([Entry(b"demo/")] * 2 + GOOD),
        "is there twice",
        raw_zip([Entry(b"demo/", central={"attributes": 0o040755 << 16}), *GOOD]),
    ),
    ("a folder with contents", raw_zip([Entry(b"demo/", b"x"), *GOOD]), "folder with contents", PLAIN),
    ("a folder that says it is a file", raw_zip([Entry(b"demo/", central={"attributes": 0o100644 << 16}), *GOOD]),
     "another kind than its name", raw_zip([Entry(b"demo/"), *GOOD])),
    ("below a file", wheel_of({"demo/__init__.py/x.py": b""}), "lies below", wheel_of({"demo/x.py": b""})),
    # names
    ("not UTF-8", wheel_of({}).replace(b"demo/__init__.py", b"demo/__init\xff_.py"), "not UTF-8", PLAIN),
    ("UTF-8 unmarked", wheel_of({"demo/\u00e4.py": b""}), "not marked as UTF-8", wheel_of({"demo/a.py": b""})),
]  # fmt: skip


@pytest.mark.parametrize(("bad", "words", "good"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_zip_archive_that_breaks_one_rule_is_refused_and_its_neighbour_taken(
    bad: bytes, words: str, good: bytes
) -> None:
    assert any(words in sentence for sentence in faults(WHEEL_NAME, bad)), faults(WHEEL_NAME, bad)
    assert faults(WHEEL_NAME, good) == []


def test_a_name_beyond_ascii_is_welcome_where_it_is_marked() -> None:
    files = wheel_files({"demo/\u00e4.py": b""})
    entries = [replace(each, both={"flags": 0x800}) for each in entries_of(files)]
    assert faults(WHEEL_NAME, raw_zip(entries)) == []


def test_names_that_differ_by_case_are_files_of_their_own_but_not_beside_the_metadata() -> None:
    assert faults(WHEEL_NAME, wheel_of({"demo/xt_MARK.h": b"1", "demo/xt_mark.h": b"2"})) == []
    assert any("only by case" in each for each in faults(WHEEL_NAME, wheel_of({f"{INFO}/metadata": b"Name: evil"})))


def test_the_order_of_the_directory_is_free() -> None:
    content = PLAIN
    start, end = content.index(b"PK\1\2"), len(content) - 22
    parts = content[start:end].split(b"PK\1\2")[1:]
    turned = b"".join(b"PK\1\2" + part for part in reversed(parts))
    assert faults(WHEEL_NAME, content[:start] + turned + content[end:]) == []


def test_a_data_descriptor_is_named_before_the_gap_that_it_makes() -> None:
    assert "data descriptor" in faults(WHEEL_NAME, described())[0]


def test_several_faults_come_together_the_gravest_first() -> None:
    entries = [replace(GOOD[0], both={"needs": 99}), replace(GOOD[1], both={"flags": 0x40}), *GOOD[2:]]
    found = faults(WHEEL_NAME, raw_zip(entries, gap=b"x"))
    assert [word in each for word, each in zip(("damaged", "newer", "flags"), found, strict=True)] == [True] * 3
