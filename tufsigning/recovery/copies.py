"""Copies of the last good state: trees, which have bytes to restore, and hash files, which can only compare.

Nothing here is believed yet: `good` verifies what it reads from a copy. Bytes are taken by their hash.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Protocol

from indexsite_client.protocol import SHA256, SNAPSHOT, PageFile
from storage.contract import METADATA, blob_name, read_bytes
from tufsigning.audit.reference import (
    ReferenceFaultyError,
    documents_folder,
    find_target,
    read_bounded,
    read_tree_document,
    timestamp_path,
)
from tufsigning.library import MAX_DOCUMENT, MAX_TIMESTAMP

_MOST_DOCUMENTS = 100_000  # in a file of hashes; an index has 16,400 at most
_LONGEST_LINE = 1000


class Copy(Protocol):
    """Where a last good state is read from. `can_restore` says whether it has the bytes of files."""

    can_restore: bool

    def timestamp(self) -> bytes | None: ...
    def snapshot_version(self) -> int | None: ...
    def first_root(self) -> int: ...
    def document(self, role: str, version: int) -> bytes | None: ...
    def file(self, project: str, file: PageFile) -> Path | None: ...
    def beside(self, file: PageFile, sha256: str) -> Path | None: ...
    def page(self, project: str, sha256: str) -> Path | None: ...


class Tree:
    """The folder of an `indexsite mirror`, of a `tuf_export`, or of a `manage.py backup`."""

    can_restore = True

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._documents = documents_folder(folder)

    def timestamp(self) -> bytes | None:
        """Which names the state that the copy is of."""
        return read_bounded(timestamp_path(self._folder), MAX_TIMESTAMP)

    def snapshot_version(self) -> int | None:
        """The timestamp says it."""
        return None

    def first_root(self) -> int:
        """The lowest version of a root; a mirror begins with the chain that is in force."""
        return _lowest(path.name for path in self._documents.glob("*.root.json"))

    def document(self, role: str, version: int) -> bytes | None:
        """A document, None where the copy has none; raises ReferenceFaultyError."""
        name = f"{version}.{role}.json"
        return read_tree_document(self._folder, name) if (self._documents / name).is_file() else None

    def file(self, project: str, file: PageFile) -> Path | None:
        """Where the bytes of a distribution may be."""
        return find_target(self._folder, project, file.filename, file.sha256)

    def beside(self, file: PageFile, sha256: str) -> Path | None:
        """Where its metadata or provenance may be."""
        places = (f"files/{file.sha256}/{file.filename}.metadata", f"store/{blob_name(sha256)}")
        return next((path for place in places if (path := self._folder / place).is_file()), None)

    def page(self, project: str, sha256: str) -> Path | None:
        """Where the page of a project may be."""
        return find_target(self._folder, project, "index.json", sha256)


class Hashes:
    """A file of `tuf_audit --hashes-out`. What it names is read from the store of this very index, by its hash."""

    can_restore = False

    def __init__(self, path: Path) -> None:
        self._documents: dict[str, str] = {}
        with path.open(encoding="utf-8", errors="replace") as lines:
            self._read(path, lines)

    def _read(self, path: Path, lines: IO[str]) -> None:
        while line := lines.readline(_LONGEST_LINE):
            sha256, _, name = line.strip().partition("  ")
            if line.startswith("#") or not name.startswith("tuf/metadata/"):
                continue
            if not SHA256.fullmatch(sha256) or len(self._documents) >= _MOST_DOCUMENTS:
                raise ReferenceFaultyError(f"{path} is no file that tuf_audit --hashes-out writes.")
            self._documents[name.removeprefix("tuf/metadata/")] = sha256

    def timestamp(self) -> bytes | None:
        """Replaced since, and nowhere else."""
        return None

    def snapshot_version(self) -> int | None:
        """The one that the file lists."""
        ending = f".{SNAPSHOT}.json"
        numbers = [name.removesuffix(ending) for name in self._documents if name.endswith(ending)]
        return max((int(each) for each in numbers if each.isdigit() and len(each) < 19), default=None)

    def first_root(self) -> int:
        """The lowest version of a root that it lists."""
        return _lowest(name for name in self._documents if name.endswith(".root.json"))

    def document(self, role: str, version: int) -> bytes | None:
        """From the store, if it is still the one that the file names."""
        name = f"{version}.{role}.json"
        if name not in self._documents:
            return None
        content = read_bytes(f"{METADATA}/{name}", limit=MAX_DOCUMENT)
        if content is None or hashlib.sha256(content).hexdigest() != self._documents[name]:
            raise ReferenceFaultyError(f"{name} is not in the store as the file of hashes names it: use another copy.")
        return content

    def file(self, project: str, file: PageFile) -> Path | None:
        """It has no bytes."""
        return None

    def beside(self, file: PageFile, sha256: str) -> Path | None:
        """Nor these."""
        return None

    def page(self, project: str, sha256: str) -> Path | None:
        """Nor these."""
        return None


def _lowest(names: Iterable[str]) -> int:
    numbers = [name.partition(".")[0] for name in names]
    return min((int(each) for each in numbers if each.isdigit() and len(each) < 10), default=1)


def open_copy(path: Path) -> Copy:
    """The copy at a path; raises ReferenceFaultyError where it is none, OSError where it cannot be read."""
    if path.is_dir():
        return Tree(path)
    if path.is_file():
        return Hashes(path)
    raise ReferenceFaultyError(f"{path} is neither a folder nor a file; name a mirror, an export, a backup or hashes.")
