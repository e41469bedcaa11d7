"""A backup as it lies in its folder: the manifest, and files that are whole as soon as they have their name.

manifest.json              written last: a backup without it was never finished
<generation>/rows/         the tables
<generation>/stored.gz     every blob and document: name, SHA-256 and size, a line each
<generation>/timestamp.json
store/                     blobs and documents under their names in the store; kept from one backup to the next
keys/online.pem            only where it was asked for
"""

import gzip
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from indexsite.operation.errors import BackupFaultyError, CannotRestoreError
from indexsite.operation.rows import MigrationKey

FORMAT = 1
MANIFEST = "manifest.json"
_MAX_MANIFEST = 16 * 1024 * 1024
_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Kept:
    """A file of the backup: its path in the folder (or its name in the store), SHA-256, and size in bytes."""

    name: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup is of, and the SHA-256 of everything in it, directly or through its lists."""

    made_at: str
    index_id: str
    publication: int
    migrations: list[MigrationKey]
    generation: str
    files: list[Kept]
    format: int = FORMAT

    def paths(self, folder: Path) -> list[Path]:
        """The files of the tables."""
        rows = f"{self.generation}/rows/"
        return [folder / file.name for file in self.files if file.name.startswith(rows)]


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Replace the manifest: from now on the folder holds this backup. Everything else is on the disk already."""
    os.sync()
    keep(folder / MANIFEST, iter([json.dumps(asdict(manifest), indent=1).encode()]))
    os.sync()


def read_manifest(folder: Path) -> Manifest:
    """The folder's backup; raises BackupFaultyError, or CannotRestoreError where a newer program made it."""
    path = folder / MANIFEST
    try:
        with path.open("rb") as file:
            read = json.loads(file.read(_MAX_MANIFEST))
    except FileNotFoundError:
        raise BackupFaultyError(path, "is missing: the backup was never finished, or this is no backup") from None
    except (OSError, ValueError) as error:
        raise BackupFaultyError(path, f"cannot be read ({error})") from error
    if isinstance(read, dict) and isinstance(read.get("format"), int) and read["format"] > FORMAT:
        raise CannotRestoreError(
            f"{path} has format {read['format']}: a newer Indexsite made it; restore with that one."
        )
    try:
        files = [Kept(**file) for file in read.pop("files")]
        migrations = [(str(app), str(name)) for app, name in read.pop("migrations")]
        return Manifest(files=files, migrations=migrations, **read)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BackupFaultyError(path, f"does not say what a manifest says ({error})") from error


def listed(folder: Path, manifest: Manifest) -> Iterator[Kept]:
    """Every blob and document of the backup, by its name in the store."""
    with gzip.open(folder / manifest.generation / "stored.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            name, sha256, size = line.split()
            yield Kept(name, sha256, int(size))


def check_whole(folder: Path, manifest: Manifest) -> int:
    """Read all of a backup; raises BackupFaultyError unless it is what was written. Returns the number of files."""
    count = 0
    for file in manifest.files:
        _check(folder / file.name, file)
    for file in listed(folder, manifest):
        _check(folder / "store" / file.name, file)
        count += 1
    return count


def keep(path: Path, chunks: Iterator[bytes]) -> Kept:
    """Write a file that is whole once it has its name; returns its path, SHA-256 and size."""
    path.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    descriptor, temporary = tempfile.mkstemp(prefix=".part-", dir=path.parent)
    with os.fdopen(descriptor, "wb") as file:
        for chunk in chunks:
            digest.update(chunk)
            size += len(chunk)
            file.write(chunk)
    os.replace(temporary, path)
    return Kept(str(path), digest.hexdigest(), size)


def chunks_of(file: IO[bytes]) -> Iterator[bytes]:
    """The bytes of a file, a piece at a time."""
    while chunk := file.read(_CHUNK):
        yield chunk


def digest_of(path: Path) -> Kept:
    """A file's SHA-256 and size."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        for chunk in chunks_of(file):
            digest.update(chunk)
            size += len(chunk)
    return Kept(str(path), digest.hexdigest(), size)


def _check(path: Path, expected: Kept) -> None:
    try:
        found = digest_of(path)
    except OSError as error:
        raise BackupFaultyError(path, f"cannot be read ({error.strerror})") from error
    if (found.sha256, found.size) != (expected.sha256, expected.size):
        raise BackupFaultyError(path, "is not what the backup wrote")
