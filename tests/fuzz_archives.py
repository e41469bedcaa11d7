"""A fuzz target over the readers of archives: `python -m tests.fuzz_archives --count 100000 --seed 7`.

Whatever the bytes are, they are refused by a named error, or taken with the contents that zipfile and tarfile read.
"""

import argparse
import io
import random
import sys
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass

from packages.errors import ArchiveFaultyError
from tests.archives import (
    ONE_OF_EACH_KIND,
    SDIST_NAME,
    TOP,
    WHEEL_NAME,
    Entry,
    entries_of,
    raw_zip,
    read,
    tar_of,
    wheel_files,
    zipped,
)  # fmt: skip

NUMBERS = (0, 1, 7, 8, 0x14, 0x7F, 0x80, 0xFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0xFFFFFFFF)
SIGNATURES = (
    b"PK\1\2",
    b"PK\3\4",
    b"PK\5\6",
    b"PK\6\6",
    b"PK\6\7",
    b"PK\7\x08",
    b"\x1f\x8b\x08",
    b"ustar\0",
    b"../",
    b"\0" * 512,
)


@dataclass(frozen=True)
class Seed:
    """Where mutation begins: a good archive, and what makes a file of the mutated bytes."""

    filename: str
    content: bytes
    finish: Callable[[bytes], bytes] = bytes


def with_true_checksums(content: bytes) -> bytes:
    """A tar archive, gzipped, in which each block that looks like a header has its right checksum."""
    blocks = bytearray(content)
    for start in range(0, len(blocks) - 511, 512):
        if blocks[start + 257 : start + 262] == b"ustar":
            blocks[start + 148 : start + 156] = b" " * 8
            blocks[start + 148 : start + 156] = b"%06o\0 " % sum(blocks[start : start + 512])
    return zipped(bytes(blocks))


def seeds() -> list[Seed]:
    """Good archives of each kind and dialect."""
    entries = entries_of(wheel_files({"demo-1.0.data/scripts/run": b"#!python\n"}))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in wheel_files().items():
            archive.writestr(name, data)
    made = [Seed(WHEEL_NAME, raw_zip(entries)), Seed(WHEEL_NAME, raw_zip(entries, wide=True))]
    made += [Seed(WHEEL_NAME, buffer.getvalue()), Seed(WHEEL_NAME, raw_zip([Entry(b"demo/"), *entries]))]
    for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        tar = tar_of(*ONE_OF_EACH_KIND, form=form)
        made += [
            Seed(SDIST_NAME, tar, zipped),
            Seed(SDIST_NAME, tar, with_true_checksums),
            Seed(SDIST_NAME, zipped(tar)),
        ]
    return made


def mutate(content: bytes, random_: random.Random) -> bytes:
    """Change a few places: bits, numbers as headers have them, signatures, pieces cut, doubled and moved."""
    data = bytearray(content)
    for _ in range(random_.choice((1, 1, 1, 2, 3, 6))):
        at = random_.randrange(len(data) + 1)
        match random_.randrange(7):
            case 0 if at < len(data):
                data[at] ^= 1 << random_.randrange(8)
            case 1:
                width = random_.choice((1, 2, 4, 8))
                data[at : at + width] = (random_.choice(NUMBERS) & (256**width - 1)).to_bytes(width, "little")
            case 2:
                signature = random_.choice(SIGNATURES)
                data[at : at + random_.choice((0, len(signature)))] = signature
            case 3:
                del data[at : at + random_.choice((1, 4, 30, 512))]
            case 4:
                data[at:at] = random_.randbytes(random_.choice((1, 4, 22, 512)))
            case 5:
                size = random_.choice((8, 46, 100, 512, 1024))
                start = random_.randrange(len(data) + 1) // 512 * 512 if random_.random() < 0.5 else at
                data[at:at] = data[start : start + size]
            case _:
                data[at : at + 1] = bytes([random_.randrange(256)])
    return bytes(data)


def check(filename: str, content: bytes) -> bool:
    """Whether the archive is taken; raises AssertionError unless the library's reader sees the same in it."""
    try:
        archive = read(filename, content)
    except ArchiveFaultyError as error:
        if "cannot name" in str(error):
            raise
        return False
    names, metadata = _by_zipfile(content) if filename.endswith(".whl") else _by_tarfile(content)
    assert names == archive.members
    assert metadata == archive.metadata
    return True


def _by_zipfile(content: bytes) -> tuple[set[str], bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        names = [info.filename for info in archive.infolist() if not info.is_dir()]
        assert len(set(names)) == len(names)
        metadata = next(name for name in names if name.endswith("/METADATA") and name.count("/") == 1)
        return set(names), archive.read(metadata)


def _by_tarfile(content: bytes) -> tuple[set[str], bytes]:
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
        members = [each for each in archive.getmembers() if not each.isdir()]
        names = [each.name.removeprefix("./") for each in members]
        assert len(set(names)) == len(names)
        [found] = [each for each in members if each.name.removeprefix("./") == f"{TOP}/PKG-INFO"]
        extracted = archive.extractfile(found)
        assert extracted is not None
        for each in members:
            if each.issym() or each.islnk():
                tarfile.data_filter(each, "/nowhere")  # what pip unpacks by; it raises where a link leads out
        return set(names), extracted.read()


def fuzz(*, count: int, seed: int) -> dict[str, int]:
    """Check so many mutated archives; how many were taken and refused. The seed tells the whole run."""
    random_, outcomes = random.Random(seed), {"taken": 0, "refused": 0}
    made = seeds()
    for number in range(count):
        origin = made[number % len(made)]
        content = origin.finish(mutate(origin.content, random_))
        try:
            outcomes["taken" if check(origin.filename, content) else "refused"] += 1
        except Exception as error:
            raise AssertionError(f"archive {number} of seed {seed} ({origin.filename}): {content!r}") from error
    return outcomes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    print(fuzz(count=asked.count, seed=asked.seed), file=sys.stderr)


if __name__ == "__main__":
    main()
