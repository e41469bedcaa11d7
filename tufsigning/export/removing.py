"""Removing from a tree what no publication of the grace time reaches any more; never a root, never a page."""

import os
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from tufsigning.core.reach import Reach
from tufsigning.export.tree import TWINS, Tree

_DOCUMENT = re.compile(r"tuf/metadata/([1-9][0-9]{0,18})\.([a-z0-9][a-z0-9.-]{0,220})\.json")
_FILE = re.compile(r"(?:files/|tuf/targets/[a-z0-9-]{1,200}/)([0-9a-f]{64})[./].+")
_LOOKED_AT = ("tuf/metadata", "tuf/targets", "files")


def remove_unreached(tree: Tree, reach: Reach, *, until: datetime) -> int:
    """Remove documents, targets and files that are older than `until`; returns how many, twins included.

    What has a name that no export gives is left alone.
    """
    removed = 0
    for path in _files(tree.folder):
        name = str(path.relative_to(tree.folder))
        for twin in TWINS:
            name = name.removesuffix(twin) if name.startswith("tuf/metadata/") else name
        if not _is_reached(name, reach) and path.stat().st_mtime < until.timestamp():
            path.unlink()
            removed += 1
            if not any(path.parent.iterdir()):
                path.parent.rmdir()
    return removed


def _files(folder: Path) -> Iterator[Path]:
    for top in _LOOKED_AT:
        for parent, _, names in os.walk(folder / top):
            yield from (Path(parent) / name for name in names)


def _is_reached(name: str, reach: Reach) -> bool:
    if document := _DOCUMENT.fullmatch(name):
        return reach.has_document(document[2], int(document[1]))
    file = _FILE.fullmatch(name)
    return file is None or file[1] in reach.blobs
