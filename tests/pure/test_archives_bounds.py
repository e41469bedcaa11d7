"""Bombs are refused within bounds, told in work counted: members met, bytes unpacked, memory held."""

import gzip
import io
import struct
import tarfile
import tracemalloc
import zlib
from dataclasses import replace

import pytest

from indexsite_client.protocol import parse_distribution_filename
from packages.archives.bounded import CHUNK, MAX_MEMBERS, MAX_RATIO, RATIO_FREE, BoundExceededError, Meter
from packages.archives.gunzip import MAX_PIECE, GunzipReader
from packages.archives.reading import read_measured
from packages.errors import MOST_FAULTS, ArchiveFaultyError
from tests.archives import (
    INFO,
    PKG_INFO,
    SDIST_NAME,
    TOP,
    WHEEL_NAME,
    Entry,
    entries_of,
    faults,
    raw_zip,
    sdist_of,
    tar_member,
    wheel_files,
    wheel_of,
    zipped,
)  # fmt: skip

PIECE = 4 * CHUNK  # unpacked at once
TEN_GB = 10 * 10**9


def refused(filename: str, content: bytes, words: str, **bounds: int) -> Meter:
    """What the refusal cost."""
    meter = Meter(packed=len(content), **bounds)
    with pytest.raises(ArchiveFaultyError) as caught:
        read_measured(parse_distribution_filename(filename), io.BytesIO(content), meter)
    assert any(words in sentence for sentence in caught.value.faults), caught.value.faults
    return meter


def huge_member() -> bytes:
    """The tar header of a file of ten gigabytes."""
    return tar_member(f"{TOP}/zeros", size=TEN_GB)[0].tobuf(tarfile.GNU_FORMAT)


def one_member_of_ten_gigabytes() -> bytes:
    """One gzip member, in which one block of zeros is repeated."""
    packer = zlib.compressobj(9, wbits=-15)
    head = packer.compress(huge_member()) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(b"\0" * 16_000_000) + packer.flush(zlib.Z_FULL_FLUSH)
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + head + block * 625


def test_ten_gigabytes_of_one_repeated_gzip_member_are_refused_after_the_first() -> None:
    member = gzip.compress(huge_member() + b"\0" * 16_000_000, 9)
    meter = refused(SDIST_NAME, member * 625, "several gzip members")
    assert meter.unpacked <= 16_000_000 + 512


def test_ten_gigabytes_in_one_gzip_member_are_refused_by_ratio() -> None:
    bomb = one_member_of_ten_gigabytes()
    meter = refused(SDIST_NAME, bomb, "more than 50 times its own size")
    assert meter.unpacked <= max(RATIO_FREE, MAX_RATIO * len(bomb)) + PIECE
    assert meter.members == 1


def test_ten_gigabytes_are_refused_by_total_and_in_little_memory() -> None:
    bomb = one_member_of_ten_gigabytes()
    tracemalloc.start()
    try:
        meter = refused(SDIST_NAME, bomb, "more than 9000000 bytes", max_unpacked=9_000_000)
        assert tracemalloc.get_traced_memory()[1] < 16 * PIECE
    finally:
        tracemalloc.stop()
    assert meter.unpacked <= 9_000_000 + PIECE


def test_much_of_little_is_little() -> None:
    assert faults(SDIST_NAME, sdist_of(tar_member(f"{TOP}/zeros", b"\0" * 60_000_000))) == []
    assert any("50 times" in each for each in faults(SDIST_NAME, sdist_of(tar_member(f"{TOP}/z", b"\0" * 70_000_000))))


def test_a_zip_bomb_that_says_its_size_is_refused_before_anything_is_unpacked() -> None:
    wide = struct.pack("<2HQ", 1, 8, TEN_GB)
    bomb = Entry(b"demo/zeros", central={"size": 0xFFFFFFFF, "extra": wide}, packed=b"\0" * 100)
    meter = refused(
        WHEEL_NAME, raw_zip([bomb, *entries_of(wheel_files())]), "cannot be read safely: it holds more than"
    )
    assert meter.unpacked == 0


def test_a_zip_bomb_below_the_total_is_refused_by_ratio() -> None:
    entries = [Entry(b"demo/%d" % n, central={"size": 2_000_000}) for n in range(40)]
    assert refused(WHEEL_NAME, raw_zip(entries), "50 times").unpacked == 0


def test_a_zip_bomb_that_lies_about_its_size_is_unpacked_by_one_piece_at_most() -> None:
    good = entries_of(wheel_files())
    bomb = Entry(b"demo/zeros", b"\0" * 50_000_000, both={"size": 7})
    content, files = raw_zip([bomb, *good]), sum(len(entry.data) for entry in good)
    tracemalloc.start()
    try:
        meter = refused(WHEEL_NAME, content, "more than the 7 bytes")
        assert tracemalloc.get_traced_memory()[1] < 16 * PIECE
    finally:
        tracemalloc.stop()
    assert meter.unpacked <= PIECE + files


def test_each_member_is_unpacked_once() -> None:
    files = wheel_files({"demo/large.bin": bytes(range(256)) * 5000})
    content = raw_zip(entries_of(files))
    meter = Meter(packed=len(content))
    read_measured(parse_distribution_filename(WHEEL_NAME), io.BytesIO(content), meter)
    assert meter.unpacked == sum(map(len, files.values()))
    assert meter.members == len(files)


@pytest.fixture(scope="module")
def many() -> list[Entry]:
    return [Entry(b"demo/%d" % number, packed=b"\3\0") for number in range(100_000)]


def test_a_zip_archive_of_a_hundred_thousand_members_is_refused_before_any_is_read(many: list[Entry]) -> None:
    assert refused(WHEEL_NAME, raw_zip(many, wide=True), f"more than {MAX_MEMBERS} members").members == 0


def test_a_directory_longer_than_it_says_is_read_no_further(many: list[Entry]) -> None:
    assert refused(WHEEL_NAME, raw_zip(many, count=9, here=9), "more than the 9 members").members == 9


def test_a_directory_of_endless_names_is_refused_before_any_is_read() -> None:
    entries = [Entry(b"%03d" % number + b"x" * 65_000) for number in range(200)]
    assert refused(WHEEL_NAME, raw_zip(entries), "its directory is larger").members == 0


def test_a_tar_archive_of_a_hundred_thousand_members_is_refused_at_the_first_too_many() -> None:
    header = tar_member(f"{TOP}/000000")[0].tobuf(tarfile.USTAR_FORMAT)
    rest, blocks = sum(header[:148] + header[156:]) + 8 * 32 - 6 * 48, []
    for number in range(100_000):  # as tobuf would, but quicker: another name, another checksum
        digits = b"%06d" % number
        blocks.append(header[:9] + digits + header[15:148] + b"%06o\0 " % (rest + sum(digits)) + header[156:])
    meter = refused(SDIST_NAME, zipped(*blocks), f"more than {MAX_MEMBERS} members")
    assert meter.members == MAX_MEMBERS + 1
    assert meter.unpacked <= (MAX_MEMBERS + 1) * 512 + PIECE


def test_a_tar_archive_of_endless_names_is_refused() -> None:
    members = [tar_member(f"{TOP}/{number}/" + "x" * 1_000_000) for number in range(14)]
    assert refused(SDIST_NAME, sdist_of(*members), "names of its members are longer").members <= 13


def test_an_extended_header_that_says_it_is_endless_is_not_read() -> None:
    header = tar_member("PaxHeader", type=tarfile.XHDTYPE, size=1024**3)[0].tobuf(tarfile.USTAR_FORMAT)
    meter = refused(SDIST_NAME, zipped(header, b"\0" * 10_000_000), "extended header larger than")
    assert meter.unpacked <= PIECE


def test_a_record_of_endless_lines_is_refused() -> None:
    lines = b"".join(b"%d,,\n" % number for number in range(MAX_MEMBERS + 10))
    refused(WHEEL_NAME, wheel_of({f"{INFO}/RECORD": lines}), "RECORD has more than")


def test_so_many_faults_are_said_and_then_reading_stops() -> None:
    odd = [tar_member(f"{TOP}/{number}\\x") for number in range(1000)]
    found = faults(SDIST_NAME, sdist_of(*odd))
    assert len(found) == MOST_FAULTS + 1
    assert "read no further" in found[-1]
    assert refused(SDIST_NAME, sdist_of(*odd), "backslash").members == MOST_FAULTS


def test_faults_of_directory_record_and_tags_come_together() -> None:
    files = wheel_files({f"{INFO}/WHEEL": b"Wheel-Version: 1.0\nTag: py2-none-any\n"})
    entries = entries_of({**files, "demo/new.py": b""})
    found = faults(WHEEL_NAME, raw_zip([replace(entries[0], both={"needs": 99}), *entries[1:]]))
    assert [word in each for word, each in zip(("newer", "not listed", "other tags"), found, strict=True)] == [True] * 3


# --- the reader of gzip ---


def reader(content: bytes, **bounds: int) -> tuple[GunzipReader, Meter]:
    meter = Meter(packed=len(content), **bounds)
    return GunzipReader(io.BytesIO(content), meter), meter


def test_what_is_skipped_is_counted_and_stopped() -> None:
    stream, meter = reader(gzip.compress(b"\0" * 10_000_000), max_unpacked=1_000_000)
    with pytest.raises(BoundExceededError):
        stream.skip(9_000_000)
    assert meter.unpacked <= 1_000_000 + PIECE


def test_no_large_piece_is_given() -> None:
    stream, meter = reader(gzip.compress(b"\0" * 10_000_000))
    with pytest.raises(BoundExceededError):
        stream.read(MAX_PIECE + 1)
    assert meter.unpacked == 0


@pytest.mark.parametrize("size", [1, 511, 512, 100_000, PIECE, MAX_PIECE])
def test_a_stream_is_read_in_pieces_of_any_size(size: int) -> None:
    content = bytes(range(256)) * 4000 + PKG_INFO[1]
    stream, _ = reader(gzip.compress(content))
    pieces = list(iter(lambda: stream.read(size), b""))
    assert b"".join(pieces) == content
    assert all(len(each) == size for each in pieces[:-1])
    assert stream.position == len(content)
