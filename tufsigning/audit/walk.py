"""Every document from the first root down to the bins, as a client would read them that refuses nothing."""

import hashlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from tuf.api.metadata import Root, Targets

from indexsite_client.protocol import (
    EXTENSION,
    INDEX_PAGE,
    ROOT,
    SNAPSHOT,
    TARGETS,
    UNCLAIMED,
    Bins,
    Json,
    delegated_roles,
    read_bins,
)
from indexsite_client.protocol import TIMESTAMP as TIMESTAMP_ROLE
from storage.contract import METADATA, TIMESTAMP, document_name, read_bytes, the_storage
from tufsigning.audit.ledger import Ledger
from tufsigning.core.auditing import Delegator, judge, judge_roots
from tufsigning.core.canonical import canonical_bytes, read_object
from tufsigning.core.documents import JOURNAL, LOG, read_signed
from tufsigning.core.findings import Finding
from tufsigning.core.log import Entry, entry_of
from tufsigning.core.publication import is_bin
from tufsigning.library import MAX_DOCUMENT, MAX_TIMESTAMP

Progress = Callable[[str, int, int], None]  # what is looked at, how many of how many
_WITHIN = f"{METADATA}/"
Judged = Generator[Finding, None, Json | None]


@dataclass(slots=True)
class Walk:
    """What the walk learnt: the publication that clients see, and which roles cannot be relied on.

    `is_whole` says whether it came as far as the bins; nothing can be said of targets otherwise.
    """

    ledger: Ledger
    now: datetime
    progress: Progress
    index_id: str = ""
    number: int = 0  # of the publication
    journal: Json | None = None
    entry: Entry | None = None  # of the public log, that the documents imply
    versions: dict[str, int] = field(default_factory=dict)  # of every role that clients see
    names: list[str] = field(default_factory=list)  # of the documents in the store
    faulty: set[str] = field(default_factory=set)
    bins: Bins | None = None
    is_whole: bool = False

    def findings(self) -> Iterator[Finding]:
        """Read and judge all of them."""
        self.names = sorted(each.name.removeprefix(_WITHIN) for each in the_storage().stored(METADATA))
        root = yield from self._walk_roots()
        if root is None:
            return
        timestamp = read_bytes(TIMESTAMP, limit=MAX_TIMESTAMP)
        signed = yield from self._judge(TIMESTAMP_ROLE, timestamp, None, root)
        if signed is None or timestamp is None:
            return
        self.versions[TIMESTAMP_ROLE] = signed["version"]
        snapshot = yield from self._read(SNAPSHOT, signed["meta"]["snapshot.json"], root)
        if snapshot is None:
            return
        said = snapshot[EXTENSION]
        self.number, self.journal = snapshot["version"], said.get(JOURNAL)
        self.entry = entry_of(timestamp, place=said.get(LOG), journal=self.journal)
        self.versions |= {file.removesuffix(".json"): entry["version"] for file, entry in snapshot["meta"].items()}
        self.versions[SNAPSHOT] = self.number
        yield from self._walk_delegations(snapshot["meta"], root)

    def reaches(self, path: str) -> bool:
        """Whether the role where clients look for a target can be relied on."""
        return self._bin_of(path) not in self.faulty

    def lacks(self, project: str) -> bool:
        """Whether a project has no signed page, for all that can be judged."""
        path = f"{project}/{INDEX_PAGE}"
        return self.reaches(path) and not self.ledger.is_signed(path)

    def _walk_roots(self) -> Generator[Finding, None, Root | None]:
        """All versions up to the highest that the store has."""
        ending = f".{ROOT}.json"
        numbers = [name.removesuffix(ending) for name in self.names if name.endswith(ending)]
        highest = max((int(each) for each in numbers if each.isdigit()), default=1)
        versions = range(1, min(highest, len(numbers) + 1) + 1)  # a lone far one is a surplus file, no root
        roots = [read_bytes(document_name(ROOT, version), limit=MAX_DOCUMENT) for version in versions]
        found, root = judge_roots(roots, now=self.now)
        yield from found
        if root is not None and roots[0] is not None:
            self.index_id = str(read_signed(roots[0])[EXTENSION]["index"])
            self.versions[ROOT] = root.version
        for version, content in enumerate(roots, start=1):
            if content is not None:
                self._note(ROOT, version, content)
        return root

    def _walk_delegations(self, meta: Json, root: Root) -> Iterator[Finding]:
        """From targets down, each role once, under the first that delegates to it."""
        waiting: list[tuple[str, str, Delegator]] = [(TARGETS, ROOT, root)]
        seen = {TARGETS}
        while waiting:
            role, named_by, delegator = waiting.pop(0)
            self.progress("roles", len(seen) - len(waiting), len(meta))
            signed = yield from self._read_named(role, named_by, meta, delegator)
            if signed is None:
                self.faulty.add(role)
                continue
            self._note_targets(role, signed)
            below = [each for each in self._delegated(role, signed) if each not in seen]
            if below:
                seen.update(below)
                above = Targets.from_dict(read_object(canonical_bytes(signed)))  # which takes apart what it is given
                waiting += [(each, role, above) for each in below]
        self.is_whole = self.bins is not None

    def _delegated(self, role: str, signed: Json) -> tuple[str, ...]:
        if role == UNCLAIMED:
            self.bins = read_bins(signed)
            return tuple(self.bins.names())
        return delegated_roles(signed)

    def _note_targets(self, role: str, signed: Json) -> None:
        self.ledger.add(
            "target",
            ((path, entry["hashes"]["sha256"], entry["length"], role) for path, entry in signed["targets"].items()),
        )

    def _bin_of(self, path: str) -> str:
        """Where clients look for it; to be asked of a whole walk."""
        assert self.bins is not None
        return self.bins.bin_of(path)

    def misplaced(self) -> Iterator[Finding]:
        """Targets in a bin where nobody looks for them."""
        for path, role in self.ledger.placed():
            wanted = self._bin_of(path)
            if is_bin(role) and role != wanted:
                yield Finding("target-misplaced", path, f"{role} vouches for it, and clients ask {wanted}.")

    def _read_named(self, role: str, named_by: str, meta: Json, delegator: Delegator) -> Judged:
        entry = meta.get(f"{role}.json")
        if entry is None:
            yield Finding("role-missing", role, f"{named_by} delegates to it, and the snapshot does not name it.")
            return None
        return (yield from self._read(role, entry, delegator))

    def _read(self, role: str, entry: Json, delegator: Delegator) -> Judged:
        content = read_bytes(document_name(role, entry["version"]), limit=MAX_DOCUMENT)
        return (yield from self._judge(role, content, entry, delegator))

    def _judge(self, role: str, content: bytes | None, entry: Json | None, delegator: Delegator) -> Judged:
        found, signed = judge(role, content, entry=entry, delegator=delegator, now=self.now, index_id=self.index_id)
        yield from found
        if content is not None:
            self._note(role, entry["version"] if entry else None, content)
        return signed

    def _note(self, role: str, version: int | None, content: bytes) -> None:
        name = f"{version}.{role}.json" if version is not None else f"{role}.json"
        self.ledger.add("document", [(name, hashlib.sha256(content).hexdigest())])
