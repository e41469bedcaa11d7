"""Removing from a tree what no publication of the grace time reaches any more; never a root, never a page."""

import os
import re
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from tufsigning.core.reach import Reach
from tufsigning.export.tree import TWINS, Tree

_DOCUMENT = re.compile(r"tuf/metadata/([1-9][0-9]{0,18})\.([a-z0-9][a-z0-9.-]{0,220})\.json")
_FILE = re.compile(r"(?:files/|tuf/targets/[a-z0-9-]{1,200}/)([0-9a-f]{64})[./].+")
_PROVENANCE = re.compile(r"integrity/([a-z0-9-]{1,200})/[^/]+/([^/]+)/provenance")
_TARGETS = "tuf/targets"
_LOOKED_AT = ("tuf/metadata", _TARGETS, "files", "integrity")  # the last goes by what is left of targets


def remove_unreached(tree: Tree, reach: Reach, *, until: datetime) -> int:
    """Remove documents, targets and files that are older than `until`; returns how many, twins included.

    A provenance goes with the target that it is about. What has a name that no export gives is left alone.
    """
    removed, targets_of = 0, lru_cache(maxsize=1)(lambda project: _filenames(tree.folder / _TARGETS / project))
    for path in _files(tree.folder):
        name = str(path.relative_to(tree.folder))
        for twin in TWINS:
            name = name.removesuffix(twin) if name.startswith("tuf/metadata/") else name
        if about := _PROVENANCE.fullmatch(name):
            is_reached = about[2] in targets_of(about[1])
        else:
            is_reached = _is_reached(name, reach)
        if not is_reached and path.stat().st_mtime < until.timestamp():
            path.unlink()
            removed += 1
            _remove_empty(path.parent, tree.folder)
    return removed


def _files(folder: Path) -> Iterator[Path]:
    for top in _LOOKED_AT:
        for parent, _, names in os.walk(folder / top):
            yield from (Path(parent) / name for name in names)


def _filenames(folder: Path) -> frozenset[str]:
    """The names that targets have behind their hash."""
    names = os.listdir(folder) if folder.is_dir() else []
    return frozenset(name.partition(".")[2] for name in names)


def _is_reached(name: str, reach: Reach) -> bool:
    if document := _DOCUMENT.fullmatch(name):
        return reach.has_document(document[2], int(document[1]))
    file = _FILE.fullmatch(name)
    return file is None or file[1] in reach.blobs


def _remove_empty(folder: Path, top: Path) -> None:
    """The folder, and those above it that were left empty with it."""
    while folder != top and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
