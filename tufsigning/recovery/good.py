"""The last good state: what a copy holds, verified by its own signatures as of its time, down to every target."""

import hashlib
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from tuf.api.metadata import Metadata, Root, Targets

from indexsite_client.protocol import (
    EXTENSION,
    ROOT,
    SNAPSHOT,
    TARGETS,
    TARGETS_DELEGATIONS,
    TIMESTAMP,
    UNCLAIMED,
    Json,
    delegated_roles,
    read_bins,
)
from tufsigning.core.auditing import Delegator, judge
from tufsigning.core.canonical import canonical_bytes, read_object
from tufsigning.core.chains import follows, roots_in_force
from tufsigning.core.documents import JOURNAL, LOG, read_signed
from tufsigning.core.publication import Current
from tufsigning.core.snapshots import SnapshotEntries
from tufsigning.recovery.copies import Copy
from tufsigning.recovery.errors import CopyRefusedError

_ITS_TIME = datetime(1970, 1, 1, tzinfo=UTC)  # a copy is judged as of when it was made: nothing had expired
Note = Callable[[Iterable[tuple[str, str, int]]], None]  # target path, SHA-256, length


def verify_copy(copy: Copy, *, fingerprint: str, note: Note) -> Current:
    """The state that a copy is of, each of its targets noted; without its timestamp, which counts no more.

    Its roots begin with the one of this fingerprint, which is on paper, and each follows the one before. Raises
    CopyRefusedError or ReferenceFaultyError.
    """
    timestamp = copy.timestamp()
    roots = _trusted_roots(copy, timestamp, fingerprint)
    root = Metadata[Root].from_bytes(roots[-1]).signed
    reader = _Reader(copy, str(read_signed(roots[-1])[EXTENSION]["index"]))
    entry: Json = {"version": copy.snapshot_version()}
    if timestamp is not None:
        entry = reader.judged(TIMESTAMP, timestamp, None, root)["meta"]["snapshot.json"]
    snapshot = reader.read(SNAPSHOT, int(entry["version"] or 0))
    said = reader.judged(SNAPSHOT, snapshot, entry if timestamp else _described(entry, snapshot), root)
    upper = reader.walk(said["meta"], root, note)
    extension = said[EXTENSION]
    entries = SnapshotEntries.read(snapshot)
    return Current(roots, b"", snapshot, upper, entries, extension.get(JOURNAL), extension.get(LOG))


class _Reader:
    """Reads and judges the documents of a copy."""

    def __init__(self, copy: Copy, index_id: str) -> None:
        self._copy, self._index_id = copy, index_id

    def read(self, role: str, version: int) -> bytes:
        """Raises CopyRefusedError where there is none."""
        content = self._copy.document(role, version)
        if content is None:
            raise CopyRefusedError(f"The copy lacks {version}.{role}.json: it is not whole. Take another copy.")
        return content

    def judged(self, role: str, content: bytes, entry: Json | None, delegator: Delegator) -> Json:
        """Its signed part; raises CopyRefusedError."""
        found, signed = judge(role, content, entry=entry, delegator=delegator, now=_ITS_TIME, index_id=self._index_id)
        if found or signed is None:
            raise CopyRefusedError(f"The copy cannot be believed: {found[0]} Take another copy.")
        return signed

    def walk(self, meta: Json, root: Root, note: Note) -> dict[str, bytes]:
        """Note the targets of every role, and return the documents above the bins."""
        upper: dict[str, bytes] = {}
        waiting: list[tuple[str, Delegator]] = [(TARGETS, root)]
        seen = {TARGETS}
        while waiting:
            role, delegator = waiting.pop()
            if f"{role}.json" not in meta:
                raise CopyRefusedError(f"The copy's snapshot does not name {role}. Take another copy.")
            entry = meta[f"{role}.json"]
            content = self.read(role, entry["version"])
            signed = self.judged(role, content, entry, delegator)
            note((path, each["hashes"]["sha256"], each["length"]) for path, each in signed["targets"].items())
            if role in (TARGETS, *TARGETS_DELEGATIONS):
                upper[role] = content
            below = [each for each in _delegated(role, signed) if each not in seen]
            if below:
                seen.update(below)
                above = Targets.from_dict(read_object(canonical_bytes(signed)))  # which takes apart what it is given
                waiting += [(each, above) for each in below]
        return upper


def _delegated(role: str, signed: Json) -> Iterable[str]:
    return read_bins(signed).names() if role == UNCLAIMED else delegated_roles(signed)


def _trusted_roots(copy: Copy, timestamp: bytes | None, fingerprint: str) -> tuple[bytes, ...]:
    roots: list[bytes] = []
    first = copy.first_root()
    while (root := copy.document(ROOT, first + len(roots))) is not None:
        roots.append(root)
    chain = roots_in_force(roots, timestamp) if timestamp is not None else _last_chain(roots)
    for number, root in enumerate(chain):
        if hashlib.sha256(root).hexdigest() == fingerprint:
            return chain[number:]
    raise CopyRefusedError(
        f"No root that the copy relies on has the SHA-256 {fingerprint[:16]}…: take the fingerprint that is on paper,"
        " and a copy of this index."
    )


def _last_chain(roots: list[bytes]) -> tuple[bytes, ...]:
    start = max(len(roots) - 1, 0)
    while start and follows(roots[start - 1], roots[start]):
        start -= 1
    return tuple(roots[start:])


def _described(entry: Json, snapshot: bytes) -> Json:
    """Of a snapshot that a file of hashes vouches for."""
    return {**entry, "length": len(snapshot)}
