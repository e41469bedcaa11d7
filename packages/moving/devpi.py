"""A devpi export (`devpi-export`): `dataindex.json` names every file with its index and when it was uploaded."""

import json
import os
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from packages.moving.errors import CannotImportError
from packages.moving.trees import Tree, plain_file

INDEX_FILE = "dataindex.json"
_MOST_BYTES = 512 * 1024 * 1024  # of dataindex.json, which has a few hundred bytes for each file
_VERSIONS = {"1", "2"}  # of its format


def is_devpi_export(top: Path) -> bool:
    """Whether `devpi-export` wrote this folder."""
    return (top / INDEX_FILE).is_file()


def read_devpi_export(top: Path, *, indexes: Collection[str], now: datetime) -> Tree:
    """The release files of these indexes (`user/name`), or of all that are no mirrors where none is named.

    Raises CannotImportError. What lies in the folder without being named there is passed over. Private indexes of devpi
    have no yanked files.
    """
    held = _read_index(top)
    if unknown := sorted(set(indexes) - set(held)):
        known = ", ".join(sorted(held)) or "none"
        raise CannotImportError(f"The export has no index {', '.join(unknown)}; it has {known}.")
    tree = Tree(top)
    for name, index in sorted(held.items()):
        if name in indexes or (not indexes and not _is_mirror(index)):
            for entry in _files(tree, name, index):
                _add(tree, entry, now=now)
        else:
            tree.ignored["files of indexes that were not asked for"] += len(_files(tree, name, index))
    tree.sort()
    return tree


def _read_index(top: Path) -> Mapping[str, dict[str, Any]]:  # Any: JSON
    path = top / INDEX_FILE
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise CannotImportError(f"{path} is larger than {_MOST_BYTES} bytes; import its folders one by one.")
        export = json.loads(path.read_bytes())
        version, indexes = str(export["dumpversion"]), export["indexes"]
        if not all(isinstance(index, dict) for index in indexes.values()):
            raise TypeError("an index is no object")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CannotImportError(f"{path} is not what devpi-export writes ({error}); export again.") from error
    if version not in _VERSIONS:
        raise CannotImportError(f"{path} has the format {version}, which is not known here; have this index updated.")
    return dict(indexes)


def _is_mirror(index: Mapping[str, Any]) -> bool:
    config = index.get("indexconfig")
    return isinstance(config, dict) and config.get("type") == "mirror"


def _files(tree: Tree, name: str, index: Mapping[str, Any]) -> list[Any]:
    files = index.get("files") or []
    if isinstance(files, list):
        return files
    tree.skip(f"{INDEX_FILE}, index {name}", "its files are no list")
    return []


def _add(tree: Tree, entry: Any, *, now: datetime) -> None:
    if not isinstance(entry, dict) or not isinstance(entry.get("relpath"), str):
        tree.ignored["entries that name no file"] += 1
    elif entry.get("type") != "releasefile":
        tree.ignored["documentation and test results"] += 1
    else:
        path = os.path.normpath(entry["relpath"])
        found = plain_file(tree.top / path, tree.top)
        if found is None:
            tree.skip(path, "it is not in the folder")
        else:
            modified = min(max(found.st_mtime, 0), now.timestamp())
            tree.add(path, size=found.st_size, uploaded_at=min(_uploaded_at(entry, modified), now))


def _uploaded_at(entry: Mapping[str, Any], modified: float) -> datetime:
    """The first upload that its log tells of; else when devpi got it; else when the file was written."""
    uploads = sorted(_logged(entry))
    if uploads:
        return uploads[0]
    mapping = entry.get("entrymapping")
    try:
        return parsedate_to_datetime(mapping["last_modified"]).astimezone(UTC)  # type: ignore[index]  # TypeError is caught
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return datetime.fromtimestamp(modified, UTC)


def _logged(entry: Mapping[str, Any]) -> Iterator[datetime]:
    log = entry.get("log")
    for line in log if isinstance(log, list) else []:
        try:
            if line["what"] == "upload":
                year, month, day, hour, minute, second = line["when"][:6]
                yield datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        except (KeyError, TypeError, ValueError, OverflowError):
            continue
