"""Sdists: gzip and tar that all readers read alike, links that stay inside, one top folder with PKG-INFO."""

import gzip
import tarfile
import zlib

import pytest

from tests.archives import (
    PKG_INFO,
    SDIST_NAME,
    TOP,
    Entry,
    entries_of,
    faults,
    raw_zip,
    read,
    sdist_of,
    tar_member,
    tar_of,
    zipped,
)  # fmt: skip
from tests.distributions import metadata

TAR = tar_of(PKG_INFO)
PLAIN = zipped(TAR)
FILE = tar_member(f"{TOP}/a/file.py", b"x = 1\n")
END = 1024  # bytes of the two blocks that end an archive, and no padding behind them
BARE = TAR[: len(TAR.rstrip(b"\0")) // 512 * 512 + 512]


def link(path: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tuple[tarfile.TarInfo, bytes]:
    return tar_member(f"{TOP}/{path}", type=kind, linkname=target)


def special(kind: bytes) -> bytes:
    return sdist_of(tar_member(f"{TOP}/special", type=kind))


def extended(kind: bytes, *records: tuple[str, str]) -> bytes:
    """An extended header before the next member."""
    body = b""
    for key, value in records:
        text = f" {key}={value}\n".encode()
        length = len(text) + len(str(len(text) + 2))
        body += str(length).encode() + text
    return raw_member(tar_member("PaxHeader", body, type=kind))


def raw_member(member: tuple[tarfile.TarInfo, bytes], **size: int) -> bytes:
    """A header and contents, without an end."""
    info, data = member
    info.size = size.get("size", len(data))
    return info.tobuf(tarfile.GNU_FORMAT) + data + b"\0" * (-len(data) % 512)


def pax(*records: tuple[str, str], kind: bytes = tarfile.XHDTYPE) -> bytes:
    """An sdist that begins with an extended header before a file."""
    return zipped(extended(kind, *records), raw_member(tar_member(f"{TOP}/x", b"abc")), TAR)


LONG = raw_member(tar_member("././@LongLink", f"{TOP}/long\0".encode(), type=tarfile.GNUTYPE_LONGNAME))
GLOBAL = tarfile.XGLTYPE

CASES = [
    # gzip
    ("no gzip", TAR, "cannot be inflated as gzip", PLAIN),
    ("cut short", PLAIN[:-40], "it ends early", PLAIN),
    ("no checksum", PLAIN[:-8], "it ends early", PLAIN),
    ("wrong checksum", PLAIN[:-8] + b"\0" * 8, "cannot be inflated", PLAIN),
    ("two gzip members", zipped(TAR[:512]) + zipped(TAR[512:]), "several gzip members", PLAIN),
    ("an empty second member", PLAIN + gzip.compress(b""), "several gzip members", PLAIN),
    ("bytes behind", PLAIN + b"x", "bytes follow the end of its gzip", PLAIN),
    ("zeros behind", PLAIN + b"\0", "bytes follow the end of its gzip", PLAIN),
    # tar
    ("no tar", zipped(b"x" * 2048), "no tar archive", PLAIN),
    ("empty", zipped(), "lacks its end", PLAIN),
    ("no end", zipped(BARE), "lacks its end", zipped(BARE, b"\0" * END)),
    ("a header cut short", zipped(BARE[:700]), "it ends early", PLAIN),
    ("bytes behind the end", zipped(TAR, b"x"), "bytes follow the end of the tar", zipped(TAR, b"\0" * 20_000)),
    ("a second archive behind", zipped(TAR, tar_of(FILE)), "bytes follow the end of the tar", sdist_of(FILE)),
    ("hidden after one zero block", zipped(b"\0" * 512, TAR), "bytes follow the end of the tar", PLAIN),
    ("two names", zipped(LONG, LONG, TAR), "both give its path", zipped(LONG, raw_member(FILE), TAR)),
    ("two names of two kinds", zipped(LONG, extended(tarfile.XHDTYPE, ("path", f"{TOP}/y")), raw_member(FILE), TAR),
     "both give its path", pax(("path", f"{TOP}/y"))),
    ("another size", pax(("size", "7")), "another size in its extended header", pax(("size", "3"))),
    ("a size that is none", pax(("size", "-3")), "another size", pax(("mtime", "1.5"))),
    ("a record twice", pax(("path", "a"), ("path", "b")), "gives 'path' twice", pax(("path", f"{TOP}/y"))),
    ("binary names", pax(("hdrcharset", "BINARY")), "changes the encoding", pax(("comment", "x"))),
    ("global names", pax(("path", f"{TOP}/y"), kind=GLOBAL), "global header", pax(("comment", "x"), kind=GLOBAL)),
    ("global size", pax(("size", "3"), kind=GLOBAL), "global header", pax(("mtime", "1"), kind=GLOBAL)),
    ("nothing after an extended header", zipped(raw_member(PKG_INFO), extended(tarfile.XHDTYPE, ("path", "x")),
     b"\0" * END), "before the member", PLAIN),
    ("a folder with contents", zipped(raw_member(tar_member(f"{TOP}/d", b"x" * 9, type=tarfile.DIRTYPE)), TAR),
     "yet has contents", sdist_of(tar_member(f"{TOP}/d", type=tarfile.DIRTYPE))),
    ("a link with contents", zipped(raw_member(tar_member(f"{TOP}/d", b"x" * 9, type=tarfile.SYMTYPE)), TAR),
     "yet has contents", PLAIN),
    ("not UTF-8", zipped(tar_of(tar_member(f"{TOP}/\udcff.py"), PKG_INFO, form=tarfile.GNU_FORMAT)), "not UTF-8",
     sdist_of(tar_member(f"{TOP}/\u00e4.py"))),
    # kinds
    ("a device", special(tarfile.CHRTYPE), "device or a pipe", sdist_of(FILE)),
    ("a block device", special(tarfile.BLKTYPE), "device or a pipe", sdist_of(FILE)),
    ("a fifo", special(tarfile.FIFOTYPE), "device or a pipe", sdist_of(FILE)),
    ("an unknown kind", special(b"Q"), "sparse or of a type", sdist_of(FILE)),
    ("sparse", special(tarfile.GNUTYPE_SPARSE), "sparse or of a type", sdist_of(FILE)),
    ("sparse by pax", pax(("GNU.sparse.major", "1")), "for which sdists have no use", sdist_of(FILE)),
    # links
    ("to /etc", sdist_of(link("l", "/etc/passwd")), "leads out of the top", sdist_of(FILE, link("l", "a/file.py"))),
    ("out by ..", sdist_of(link("l", "../x")), "leads out", sdist_of(FILE, link("b/l", "../a/file.py"))),
    ("out from a folder", sdist_of(link("b/l", "../../x")), "leads out", sdist_of(link("b/c/l", "../../x"))),
    ("out through a folder", sdist_of(link("b/c/l", "../x/../../..")), "leads out", sdist_of(link("b/c/l", "../.."))),
    ("back slash", sdist_of(link("l", "..\\x")), "leads out", sdist_of(link("l", "a/"))),
    ("nowhere", sdist_of(link("l", "")), "leads out", sdist_of(link("l", "a"))),
    ("below a link", sdist_of(link("l", "a"), tar_member(f"{TOP}/l/x")), "is no folder", sdist_of(link("l", "a"))),
    ("hard link out", sdist_of(link("l", "/etc/passwd", tarfile.LNKTYPE)), "hard link",
     sdist_of(FILE, link("l", FILE[0].name, tarfile.LNKTYPE))),
    ("hard link forward", sdist_of(link("l", FILE[0].name, tarfile.LNKTYPE), FILE), "hard link",
     sdist_of(FILE, link("l", f"./{FILE[0].name}", tarfile.LNKTYPE))),
    ("hard link to a link", sdist_of(link("k", "a"), link("l", f"{TOP}/k", tarfile.LNKTYPE)), "hard link", PLAIN),
    # duplicates
    ("a file twice", sdist_of(FILE, FILE), "is there twice", sdist_of(FILE)),
    ("PKG-INFO twice", sdist_of(PKG_INFO), "is there twice", PLAIN),
    ("a file in two spellings", sdist_of(FILE, tar_member(f"./{FILE[0].name}")), "is there twice", sdist_of(FILE)),
    ("a file and a link", sdist_of(FILE, link("a/file.py", "x")), "is there twice", sdist_of(FILE)),
    ("a file and a folder", sdist_of(FILE, tar_member(FILE[0].name, type=tarfile.DIRTYPE)), "file and as a folder",
     sdist_of(tar_member(f"{TOP}/a", type=tarfile.DIRTYPE), tar_member(f"{TOP}/a", type=tarfile.DIRTYPE), FILE)),
    # the top folder
    ("two top folders", sdist_of(tar_member("other/x")), "exactly one top folder", PLAIN),
    ("a file beside it", sdist_of(tar_member("setup.py")), "exactly one top folder", PLAIN),
    ("no folder", zipped(tar_of(tar_member("PKG-INFO"))), "exactly one top folder", PLAIN),
    ("another name", zipped(tar_of(tar_member("other-1.0/PKG-INFO"))), "not named for demo 1.0", PLAIN),
    ("another version", zipped(tar_of(tar_member("demo-1.1/PKG-INFO"))), "not named for demo 1.0", PLAIN),
    ("no PKG-INFO", zipped(tar_of(FILE)), "exactly once, however its name is spelled, but has none", sdist_of(FILE)),
    ("PKG-INFO deeper", zipped(tar_of(tar_member(f"{TOP}/x/PKG-INFO"))), "but has none",
     sdist_of(tar_member(f"{TOP}/demo.egg-info/PKG-INFO"))),
    ("PKG-INFO by case", sdist_of(tar_member(f"{TOP}/pkg-info")), f"has '{TOP}/PKG-INFO', '{TOP}/pkg-info'", PLAIN),
    ("PKG-INFO in lower case", zipped(tar_of(tar_member(f"{TOP}/pkg-info"))), f"but has '{TOP}/pkg-info'", PLAIN),
    ("PKG-INFO is a link", zipped(tar_of(link("PKG-INFO", "/etc/passwd"))), "no plain file", PLAIN),
    ("PKG-INFO is huge", sdist_of(tar_member(f"{TOP}/PKG-INFO", b"x" * 4_194_305)), "no plain file", PLAIN),
]  # fmt: skip


@pytest.mark.parametrize(("bad", "words", "good"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_an_sdist_that_breaks_one_rule_is_refused_and_its_neighbour_taken(bad: bytes, words: str, good: bytes) -> None:
    assert any(words in sentence for sentence in faults(SDIST_NAME, bad)), faults(SDIST_NAME, bad)
    assert faults(SDIST_NAME, good) == []


MALFORMED = [
    b"nonsense",
    b"7 a=b\n",
    b"5 a=b\n",
    b"6 a=bc",
    b"5 abc",
    b"6 abc\n",
    b"5 =b\n",
    b"0 a=b\n",
    b" 6 a=b\n",
    b"-6 a=b\n",
    b"\0" * 6,
]


@pytest.mark.parametrize("body", MALFORMED)
def test_a_malformed_extended_header_is_refused(body: bytes) -> None:
    header = raw_member(tar_member("PaxHeader", body, type=tarfile.XHDTYPE))
    assert any("extended header is malformed" in each for each in faults(SDIST_NAME, zipped(header, TAR)))


def test_a_negative_size_is_refused() -> None:
    header = with_field(slice(124, 136), b"\xff" * 12)
    assert any("negative size" in each for each in faults(SDIST_NAME, zipped(header, TAR)))


def test_a_long_name_that_is_cut_short_is_refused() -> None:
    header = tar_member("././@LongLink", type=tarfile.GNUTYPE_LONGNAME, size=3000)[0].tobuf(tarfile.GNU_FORMAT)
    assert any("ends early" in each for each in faults(SDIST_NAME, zipped(header, b"x" * 2999)))


def with_field(place: slice, value: bytes) -> bytes:
    """A header with a field replaced, and its right checksum."""
    header = bytearray(raw_member(tar_member(f"{TOP}/x")))
    header[place] = value
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def test_a_prefix_in_a_header_of_gnus_kind_is_refused() -> None:
    header = with_field(slice(345, 350), b"other")
    assert any("prefix" in each for each in faults(SDIST_NAME, zipped(header, TAR)))


@pytest.mark.parametrize(("filename", "top"), [
    ("zope_interface-5.0.tar.gz", "zope.interface-5.0"),
    ("zope.interface-5.0.tar.gz", "zope_interface-5.0"),
    ("foo-bar-1.0.tar.gz", "foo-bar-1.0"),
    ("foo_bar-1.0rc1.tar.gz", "Foo-Bar-1.0-rc1"),
    ("demo-1.0.tar.gz", "./demo-1.0"),
])  # fmt: skip
def test_the_spelling_of_the_top_folder_is_free(filename: str, top: str) -> None:
    assert faults(filename, zipped(tar_of(tar_member("."), tar_member(f"{top}/PKG-INFO")))) == []


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_what_is_read_is_pkg_info_and_the_names_of_the_files(form: int) -> None:
    long = tar_member(f"{TOP}/" + "x" * 90 + "/" + "y" * 90, b"z" * 5000)
    archive = read(
        SDIST_NAME, zipped(tar_of(FILE, long, PKG_INFO, tar_member(f"{TOP}/e", type=tarfile.DIRTYPE), form=form))
    )
    assert archive.metadata == metadata("demo", "1.0").encode()
    assert archive.members == {FILE[0].name, long[0].name, PKG_INFO[0].name}


ZIPPED = {f"{TOP}/PKG-INFO": metadata("demo", "1.0").encode(), f"{TOP}/setup.py": b""}
ZIP_CASES = [
    (raw_zip(entries_of(ZIPPED)), ""),
    (raw_zip([Entry(f"{TOP}/".encode()), *entries_of(ZIPPED)]), ""),
    (raw_zip(entries_of({**ZIPPED, "other/x": b""})), "exactly one top folder"),
    (raw_zip(entries_of({f"{TOP}/setup.py": b""})), "but has none"),
    (raw_zip(entries_of({"other-1.0/PKG-INFO": b""})), "not named for demo 1.0"),
    (raw_zip(entries_of({f"{TOP}/PKG-INFO": b"x" * 4_194_305})), "larger than"),
    (raw_zip([Entry(b"x", central={"crc": 1}), *entries_of(ZIPPED)]), "CRC"),
    (PLAIN, "damaged or no archive"),
]


@pytest.mark.parametrize(("content", "words"), ZIP_CASES)
def test_an_older_sdist_is_a_zip_archive(content: bytes, words: str) -> None:
    found = faults("demo-1.0.zip", content)
    assert any(words in sentence for sentence in found) if words else not found, found


def test_the_stream_is_read_to_its_end_so_that_its_checksum_counts() -> None:
    packer = zlib.compressobj(wbits=31)
    stream = packer.compress(TAR + b"\0" * 10_000_000) + packer.flush()
    assert faults(SDIST_NAME, stream) == []
    assert faults(SDIST_NAME, stream[:-8] + b"\0" * 8)
