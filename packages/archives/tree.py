"""The tree that an archive unpacks to: names that every system understands alike, and nothing outside it. Pure."""

import re
from itertools import pairwise

from packages.archives.bounded import MAX_NAMES, BoundExceededError
from packages.archives.faults import Faults, shown

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_DRIVE = re.compile(r"[A-Za-z]:")
_ODD = re.compile(rf"{_CONTROL.pattern}|\\|\A/|\A{_DRIVE.pattern}|(?:\A|/)\.{{0,2}}(?:/|\Z)")
_RENAME = "rename it and build the archive again"


class Tree:
    """Names of members as they are found; each is checked by itself at once, and against the others at the end."""

    def __init__(self, faults: Faults, *, folders_once: bool = False) -> None:
        self._faults, self._folders_once = faults, folders_once
        self._folders: set[str] = set()
        self._links: set[str] = set()
        self._files: set[str] = set()
        self._length = 0

    @property
    def files(self) -> frozenset[str]:
        """The names of all files; links count among them."""
        return frozenset(self._files)

    @property
    def names(self) -> set[str]:
        """The names of files and folders."""
        return self._files | self._folders

    def add_folder(self, name: str) -> None:
        """A folder, which in a tar archive may come again: that changes nothing."""
        self._check(name)
        if self._folders_once and name in self._folders:
            self._faults.member(name, "is there twice", mend="keep one of them")
        self._folders.add(name)

    def add_file(self, name: str) -> None:
        """A file, whose name nothing else may have."""
        self._check(name)
        if name in self._files:
            self._faults.member(
                name, "is there twice, and which of the two counts differs from tool to tool", mend="keep one of them"
            )
        self._files.add(name)

    def add_symlink(self, name: str, target: str) -> None:
        """A symbolic link, whose target is told from its own folder."""
        self.add_file(name)
        self._links.add(name)
        steps = target.rstrip("/").split("/")
        ups = next((place for place, step in enumerate(steps) if step != ".."), len(steps))
        rest = "/".join(steps[ups:])
        depth = name.count("/") - 1  # folders above it that are still below the top folder
        if ups > depth or ((rest or not ups) and _ODD.search(rest)):
            self._faults.member(
                name,
                f"is a link to {shown(target)}, which leads out of the top folder or is no plain path",
                mend="ship the file itself, or link by '../' first and names after it",
            )

    def add_hardlink(self, name: str, target: str) -> None:
        """A second name of a file that came before."""
        if target not in self._files or target in self._links:
            self._faults.member(
                name,
                f"is a hard link to {shown(target)}, which is no file before it in the archive",
                mend="ship the file itself",
            )
        self.add_file(name)

    def finish(self) -> None:
        """Note what lies below a file or link: where it would land depends on the order and the tool."""
        ordered = sorted(name.replace("/", "\0") for name in self.names)  # so that what is below a name follows it
        for above, below in pairwise(ordered):
            upper = above.replace("\0", "/")
            if below.startswith(above + "\0") and upper in self._files:
                self._faults.member(
                    below.replace("\0", "/"),
                    f"lies below {shown(upper)}, which is no folder",
                    mend="rename one of them",
                )
        for name in sorted(self._files & self._folders):
            self._faults.member(name, "is there as a file and as a folder", mend="rename one of them")

    def _check(self, name: str) -> None:
        self._length += len(name)
        if self._length > MAX_NAMES:
            raise BoundExceededError(f"the names of its members are longer than {MAX_NAMES} bytes together")
        if _ODD.search(name):
            self._faults.member(name, fault_of_path(name), mend=_RENAME)


def fault_of_path(name: str) -> str:
    """What is wrong with a path that is odd."""
    if _CONTROL.search(name):
        return "has control characters, NUL or bytes that are not UTF-8 in its name"
    if "\\" in name:
        return "has a backslash in its name, which separates folders on some systems only"
    if name.startswith("/") or _DRIVE.match(name):
        return "has an absolute path"
    if ".." in name.split("/"):
        return "has '..' in its path, which leads out of the archive"
    return "has an empty part or '.' in its path, so that it has several spellings"
