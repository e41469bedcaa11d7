"""Reading what is published: the current publication and the targets of its roles, remembered while unchanged."""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping

from indexsite_client.protocol import (
    TARGETS_DELEGATIONS,
    Json,
    NormalizedName,
    ProjectPage,
    page_target_path,
    read_page,
)
from storage.contract import TIMESTAMP, blob_name, document_name, read_bytes
from tufsigning.core.bins import bin_of
from tufsigning.core.documents import ROOT, SNAPSHOT, TARGETS, read_signed
from tufsigning.core.publication import Current
from tufsigning.errors import NotEstablishedError, StoreDamagedError

MAX_TIMESTAMP = 16_000
MAX_DOCUMENT = 256 * 1024 * 1024
MAX_PAGE = 256 * 1024 * 1024
_REMEMBERED_TARGETS = 200_000


class Library:
    """The published documents, read for one publisher at a time. What is immutable is read once."""

    def __init__(self) -> None:
        self._roots: list[bytes] = []
        self._current: Current | None = None
        self._targets: OrderedDict[tuple[str, int], Mapping[str, Json]] = OrderedDict()
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

    def remember(self, current: Current) -> None:
        """Take over what was just published, so that it need not be read back."""
        self._current = current

    def remember_targets(self, role: str, version: int, targets: Mapping[str, Json]) -> None:
        """Remember a role's targets, and forget the longest unused ones beyond a number of targets."""
        self._targets[role, version] = targets
        self._remembered += len(targets)
        while self._remembered > _REMEMBERED_TARGETS and len(self._targets) > 1:
            _, forgotten = self._targets.popitem(last=False)
            self._remembered -= len(forgotten)

    def targets(self, current: Current, role: str) -> Mapping[str, Json]:
        """The targets of a role in this publication."""
        version = current.meta[role]["version"]
        remembered = self._targets.get((role, version))
        if remembered is not None:
            self._targets.move_to_end((role, version))
            return remembered
        signed = read_signed(read_document(role, current.meta[role]))
        targets: Mapping[str, Json] = signed["targets"]
        self.remember_targets(role, version, targets)
        return targets

    def page(self, current: Current, project: NormalizedName) -> ProjectPage | None:
        """The published page of a project, None where it has none."""
        path = page_target_path(project)
        entry = self.targets(current, bin_of(path, bit_length=current.bit_length)).get(path)
        if entry is None:
            return None
        name = blob_name(entry["hashes"]["sha256"])
        content = read_bytes(name, limit=MAX_PAGE)
        if content is None or hashlib.sha256(content).hexdigest() != entry["hashes"]["sha256"]:
            raise StoreDamagedError(name, "is missing or not what was signed")
        return read_page(content)

    def _read_current(self, timestamp: bytes) -> Current:
        snapshot = read_document(SNAPSHOT, read_signed(timestamp)["meta"]["snapshot.json"])
        meta = read_signed(snapshot)["meta"]
        upper = {role: read_document(role, meta[f"{role}.json"]) for role in (TARGETS, *TARGETS_DELEGATIONS)}
        return Current(tuple(self._roots), timestamp, snapshot, upper)


def read_document(role: str, entry: Json) -> bytes:
    """The bytes of a published document, as its entry in snapshot or timestamp describes it."""
    name = document_name(role, entry["version"])
    content = read_bytes(name, limit=MAX_DOCUMENT)
    if content is None:
        raise StoreDamagedError(name, "is missing")
    digest = entry.get("hashes", {}).get("sha256")
    if len(content) != entry["length"] or (digest and hashlib.sha256(content).hexdigest() != digest):
        raise StoreDamagedError(name, "is not what was signed")
    return content
