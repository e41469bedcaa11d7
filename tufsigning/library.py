"""Reading what is published: the current publication, its bins and pages, remembered while they are of use."""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping

from tuf.api.exceptions import RepositoryError

from indexsite_client.protocol import (
    EXTENSION,
    ROOT,
    SNAPSHOT,
    TARGETS,
    TARGETS_DELEGATIONS,
    UNCLAIMED,
    Json,
    NormalizedName,
    ProjectPage,
    page_target_path,
    read_page,
)
from storage.contract import TIMESTAMP, blob_name, document_name, read_bytes
from tufsigning.core.canonical import read_object
from tufsigning.core.chains import roots_in_force
from tufsigning.core.documents import JOURNAL, LOG, read_signed
from tufsigning.core.increments import verify_bin
from tufsigning.core.publication import Current
from tufsigning.core.snapshots import SnapshotEntries
from tufsigning.errors import NotEstablishedError, StoreDamagedError

MAX_TIMESTAMP = 16_000
MAX_DOCUMENT = 256 * 1024 * 1024
MAX_PAGE = 256 * 1024 * 1024
_REMEMBERED_BYTES = 16 * 1024 * 1024


class Library:
    """The published documents, read for one publisher at a time. What is immutable is read once while it is in use."""

    def __init__(self) -> None:
        self._roots: list[bytes] = []
        self._current: Current | None = None
        self._contents: OrderedDict[str, bytes] = OrderedDict()  # by name in the store
        self._remembered = 0

    def current(self) -> Current:
        """The publication that timestamp.json names; raises NotEstablishedError where there is none."""
        timestamp = read_bytes(TIMESTAMP, limit=MAX_TIMESTAMP)
        if timestamp is None:
            raise NotEstablishedError
        while (root := read_bytes(document_name(ROOT, len(self._roots) + 1), limit=MAX_DOCUMENT)) is not None:
            self._roots.append(root)
            self._current = None
        if self._current is None or self._current.timestamp != timestamp:
            self._current = self._read_current(timestamp)
        return self._current

    def remember(self, current: Current, contents: Mapping[str, bytes]) -> None:
        """Take over what was just published, so that it need not be read back: `contents` by their names in the store.

        The longest unused ones are forgotten beyond a number of bytes.
        """
        self._current = current
        for name, content in contents.items():
            self._forget(name)
            self._contents[name] = content
            self._remembered += len(content)
        while self._remembered > _REMEMBERED_BYTES:
            self._forget(next(iter(self._contents)))

    def targets(self, current: Current, role: str) -> Mapping[str, Json]:
        """The targets of a role in this publication."""
        targets: Mapping[str, Json] = read_signed(self.content(current, role))["targets"]
        return targets

    def content(self, current: Current, role: str) -> bytes:
        """The bytes of a role's document in this publication: what its keys signed, whoever may write to the store.

        The snapshot says no hash of bins, so their signatures are verified. Raises StoreDamagedError.
        """
        entry = current.entries[role]
        name = document_name(role, entry["version"])
        known = self._remembered_content(name)
        if known is not None:
            return known
        content = read_document(role, entry)
        if role in current.bins:  # of retired ones nobody knows any more whose they were
            try:
                verify_bin(role, content, unclaimed=current.upper[UNCLAIMED])
            except (RepositoryError, ValueError, KeyError) as error:
                raise StoreDamagedError(name, "is not what was signed") from error
        return content

    def page(self, current: Current, project: NormalizedName) -> ProjectPage | None:
        """The published page of a project, None where it has none. Raises ProtocolError where it cannot be read."""
        content = self._page_content(current, project)
        return read_page(content) if content is not None else None

    def page_files(self, current: Current, project: NormalizedName) -> Mapping[str, str]:
        """The SHA-256 of every file that a project's published page lists, by filename."""
        content = self._page_content(current, project)
        files = read_object(content)["files"] if content is not None else []
        return {file["filename"]: file["hashes"]["sha256"] for file in files}

    def _page_content(self, current: Current, project: NormalizedName) -> bytes | None:
        path = page_target_path(project)
        entry = self.targets(current, current.bins.bin_of(path)).get(path)
        if entry is None:
            return None
        name = blob_name(entry["hashes"]["sha256"])
        content = self._remembered_content(name) or read_bytes(name, limit=MAX_PAGE)
        if content is None or hashlib.sha256(content).hexdigest() != entry["hashes"]["sha256"]:
            raise StoreDamagedError(name, "is missing or not what was signed")
        return content

    def _remembered_content(self, name: str) -> bytes | None:
        content = self._contents.get(name)
        if content is not None:
            self._contents.move_to_end(name)
        return content

    def _forget(self, name: str) -> None:
        self._remembered -= len(self._contents.pop(name, b""))

    def _read_current(self, timestamp: bytes) -> Current:
        snapshot = read_document(SNAPSHOT, read_signed(timestamp)["meta"]["snapshot.json"])
        entries = SnapshotEntries.read(snapshot)
        upper = {role: read_document(role, entries[role]) for role in (TARGETS, *TARGETS_DELEGATIONS)}
        said = read_signed(snapshot)[EXTENSION]
        roots = roots_in_force(self._roots, timestamp)
        if not roots:
            raise StoreDamagedError(TIMESTAMP, "is signed by the keys of no root that is there")
        return Current(roots, timestamp, snapshot, upper, entries, said.get(JOURNAL), said.get(LOG))


def read_document(role: str, entry: Json) -> bytes:
    """The bytes of a published document, as its entry in snapshot or timestamp describes it."""
    name = document_name(role, entry["version"])
    try:
        content = read_bytes(name, limit=entry["length"])
    except ValueError as error:
        raise StoreDamagedError(name, "is longer than what was signed") from error
    if content is None:
        raise StoreDamagedError(name, "is missing")
    digest = entry.get("hashes", {}).get("sha256")
    if len(content) != entry["length"] or (digest and hashlib.sha256(content).hexdigest() != digest):
        raise StoreDamagedError(name, "is not what was signed")
    return content
