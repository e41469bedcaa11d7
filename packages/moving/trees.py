"""What lies in a folder of distributions: files to import, formats nobody installs any more, and things beside them."""

import os
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

DISTRIBUTIONS = (".whl", ".tar.gz", ".zip")
OLD_FORMATS = {
    ".egg": "eggs are installed by nothing that is kept up",
    ".exe": "Windows installers are no distributions",
    ".msi": "Windows installers are no distributions",
    ".dmg": "disk images are no distributions",
    ".rpm": "packages of Linux distributions are none of Python's",
    ".deb": "packages of Linux distributions are none of Python's",
    ".tar.bz2": "sdists are .tar.gz (PEP 527)",
    ".tar.xz": "sdists are .tar.gz (PEP 527)",
    ".tar.z": "sdists are .tar.gz (PEP 527)",
    ".tgz": "sdists are .tar.gz (PEP 527)",
    ".tar": "sdists are .tar.gz (PEP 527)",
}
_BESIDE = {".sig": "signatures", ".asc": "signatures", ".metadata": "metadata beside files", ".html": "index pages"}


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A distribution in the folder: `path` from its top; `size` in bytes; `uploaded_at` to the index that kept it."""

    path: str
    size: int
    uploaded_at: datetime

    @property
    def filename(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass(slots=True)
class Tree:
    """A folder of distributions. `skipped` are paths with the reason; `ignored` counts what is no such file."""

    top: Path
    files: list[FoundFile] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)

    def add(self, path: str, *, size: int, uploaded_at: datetime) -> None:
        """Sort a plain file by its name."""
        name = path.rpartition("/")[2].lower()
        if name.endswith(DISTRIBUTIONS) and as_utf8(path) != path:  # no database and no report would hold it
            self.skip(path, "its path is not UTF-8")
        elif name.endswith(DISTRIBUTIONS):
            self.files.append(FoundFile(path, size, uploaded_at))
        elif old := next((ending for ending in OLD_FORMATS if name.endswith(ending)), None):
            self.skip(path, OLD_FORMATS[old])
        else:
            self.ignored[_BESIDE.get(os.path.splitext(name)[1], "other files")] += 1

    def skip(self, path: str, reason: str) -> None:
        """Name what is not imported."""
        self.skipped.append((as_utf8(path), reason))

    def sort(self) -> None:
        """The oldest first: what is new of a release, a project or the index is then what was new before."""
        self.files.sort(key=lambda file: (file.uploaded_at, file.filename, file.path))
        self.skipped.sort()


def read_folder(top: Path, *, now: datetime) -> Tree:
    """A folder, flat or nested, as pypiserver serves it: a file came when it was last modified.

    Symbolic links are followed to files inside the folder only, hidden files and folders are passed over. Held in
    memory are names and sizes, nothing of the files' contents.
    """
    tree = Tree(top)
    for folder, names, files in os.walk(top):
        for name in [each for each in names if each.startswith(".") or os.path.islink(os.path.join(folder, each))]:
            names.remove(name)
            tree.ignored["hidden files and folders" if name.startswith(".") else "symbolic links"] += 1
        for name in files:
            _add_file(tree, Path(folder), name, now=now)
    tree.sort()
    return tree


def _add_file(tree: Tree, folder: Path, name: str, *, now: datetime) -> None:
    if name.startswith("."):
        tree.ignored["hidden files and folders"] += 1
        return
    path = folder / name
    found = plain_file(path, tree.top)
    if found is None:
        tree.ignored["symbolic links" if path.is_symlink() else "other files"] += 1
        return
    came_at = datetime.fromtimestamp(min(max(found.st_mtime, 0), now.timestamp()), UTC)
    tree.add(path.relative_to(tree.top).as_posix(), size=found.st_size, uploaded_at=came_at)


def as_utf8(text: str) -> str:
    """The same, with what is not UTF-8 as Python writes it in a literal (`caf\\udce9`)."""
    return text.encode("utf-8", "backslashreplace").decode()


def plain_file(path: Path, top: Path) -> os.stat_result | None:
    """What the system says of a plain file that lies inside `top`, links resolved; None for anything else."""
    try:
        if not path.resolve(strict=True).is_relative_to(top):
            return None
        found = path.stat()
    except (OSError, RuntimeError, ValueError):  # it vanished, leads nowhere or in a circle, or is no path (NUL)
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def batches(files: list[FoundFile], *, most: int, most_bytes: int) -> Iterator[list[FoundFile]]:
    """The files in their order, so many at once, of so many bytes together; a larger one comes alone."""
    batch, size = list[FoundFile](), 0
    for file in files:
        if batch and (len(batch) == most or size + file.size > most_bytes):
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += file.size
    if batch:
        yield batch
