"""The folder of a ceremony, as `indexsite ceremony` keeps it: signed documents are metadata/<N>.<role>.json in it."""

import os
import re
import stat
from pathlib import Path

from indexsite_client.protocol import CLAIMED, ROOT, TARGETS, UNCLAIMED
from tufsigning.core.offline import MAX_LENGTH, OfflineDocuments, read_documents
from tufsigning.core.publication import Current
from tufsigning.errors import CeremonyFolderError, DocumentRefusedError

_NAME = re.compile(r"([1-9][0-9]{0,9})\.(root|targets|claimed|unclaimed)\.json")
_MOST = 1000  # documents of a folder


def read_ceremony(folder: Path, *, current: Current | None) -> OfflineDocuments:
    """The newest document of each offline role, and every root that is newer than the index's.

    Raises CeremonyFolderError or DocumentRefusedError.
    """
    metadata = folder / "metadata"
    found = _versions(metadata)
    before = current.root_version if current else 0
    wanted = [(ROOT, version) for version in sorted(found[ROOT]) if version > before]
    wanted += [(role, max(versions)) for role, versions in found.items() if role != ROOT and versions]
    if not wanted or wanted[0][0] != ROOT:
        raise DocumentRefusedError(
            "role-missing", ROOT, f"that follows version {before} is not in {metadata}: finish the ceremony first"
        )
    return read_documents(read_document_file(metadata / f"{version}.{role}.json") for role, version in wanted)


def read_newer(folder: Path, current: Current) -> OfflineDocuments:
    """Every root of the folder that is newer than the index's, and of the other offline roles the newest where it is.

    None of either where nothing is newer. Raises CeremonyFolderError or DocumentRefusedError.
    """
    found = _versions(folder / "metadata")
    wanted = [(ROOT, version) for version in sorted(found[ROOT]) if version > current.root_version]
    for role in (TARGETS, CLAIMED, UNCLAIMED):
        newest = max(found[role], default=0)
        if newest > int(current.entries[role]["version"]):
            wanted.append((role, newest))
    return read_documents(
        read_document_file(folder / "metadata" / f"{version}.{role}.json") for role, version in wanted
    )


def is_in_force(folder: Path, current: Current) -> bool:
    """Whether the newest root of the folder is the one that the index has, after a real ceremony."""
    roots = sorted(
        int(match[1]) for path in (folder / "metadata").glob("*.root.json") if (match := _NAME.fullmatch(path.name))
    )
    if not roots or roots[-1] != current.root_version or current.is_development:
        return False
    return read_document_file(folder / "metadata" / f"{roots[-1]}.{ROOT}.json") == current.roots[-1]


def _versions(metadata: Path) -> dict[str, list[int]]:
    """The versions of each offline role that are there, by their names."""
    found: dict[str, list[int]] = {ROOT: [], TARGETS: [], CLAIMED: [], UNCLAIMED: []}
    try:
        names = sorted(path.name for path in metadata.iterdir())
    except OSError as error:
        raise CeremonyFolderError(
            f"{metadata} cannot be read ({error.strerror}): name the folder of 'indexsite ceremony', finished."
        ) from error
    for match in map(_NAME.fullmatch, names[:_MOST]):
        if match:
            found[match[2]].append(int(match[1]))
    return found


def read_document_file(path: Path) -> bytes:
    """The bytes of a document's file, bounded before anything reads them; raises CeremonyFolderError."""
    most = max(MAX_LENGTH.values())
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe must not hold us up
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise CeremonyFolderError(f"{path} is no regular file.")
            content = file.read(most + 1)
    except OSError as error:
        raise CeremonyFolderError(f"{path} cannot be read: {error.strerror}.") from error
    if len(content) > most:
        raise CeremonyFolderError(f"{path} is longer than {most} bytes, which no client would read.")
    return content


def write_ceremony(folder: Path, current: Current) -> list[Path]:
    """Write the newest root and offline roles, for `indexsite ceremony init` to go on from; returns their files.

    What is there under the same names stays where it is the same, and is never replaced by something else.
    """
    documents = {f"{current.root_version}.{ROOT}.json": current.roots[-1]}
    for role in (TARGETS, CLAIMED, UNCLAIMED):
        documents[f"{current.entries[role]['version']}.{role}.json"] = current.upper[role]
    metadata, written = folder / "metadata", []
    try:
        metadata.mkdir(parents=True, exist_ok=True)
        for name, content in documents.items():
            path = metadata / name
            if path.exists() and path.read_bytes() != content:
                raise CeremonyFolderError(f"{path} is there already with other contents; choose another folder.")
            path.write_bytes(content)
            written.append(path)
    except OSError as error:
        raise CeremonyFolderError(f"{metadata} cannot be written: {error.strerror}.") from error
    return written
