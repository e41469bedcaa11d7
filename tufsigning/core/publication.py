"""What a publication consists of: from the current documents and what should be true to the documents to sign."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from securesystemslib.signer import Signer

from indexsite_client.protocol import (
    BIN_PREFIX,
    EXTENSION,
    RECENTLY_CLAIMED,
    SNAPSHOT,
    TIMESTAMP,
    UNCLAIMED,
    Json,
    RoleHeader,
    read_expiry,
    targets_signed,
)
from tufsigning.core.bins import bin_of
from tufsigning.core.documents import Document, meta_entry, read_signed, sign_document, sign_snapshot, timestamp_signed
from tufsigning.core.lifetimes import USUAL, OnlineDays, lifetime
from tufsigning.core.log import Entry, next_place
from tufsigning.core.snapshots import NO_ENTRIES, SnapshotEntries

Targets = Mapping[str, Json]  # entries by target path
ReadTargets = Callable[[str], Targets]  # of a role, by its name, in the current publication


@dataclass(frozen=True, slots=True)
class Current:
    """The publication that clients see: the documents that every one of them fetches, and the roots up to now."""

    roots: tuple[bytes, ...]  # those in force, by version, from the beginning of their chain
    timestamp: bytes
    snapshot: bytes
    upper: Mapping[str, bytes]  # targets and the three roles that it delegates to
    entries: SnapshotEntries = NO_ENTRIES  # of the snapshot
    journal: Json | None = None  # its head, as the snapshot names it; None in one of before
    log: Json | None = None  # its place in the public log, likewise

    @property
    def index_id(self) -> str:
        """The identity of the index, which each signed part carries."""
        return str(read_signed(self.roots[0])[EXTENSION]["index"])

    @property
    def is_development(self) -> bool:
        """Whether the newest root says that it comes from a development ceremony."""
        return read_signed(self.roots[-1])[EXTENSION].get("development") is True

    @property
    def root_version(self) -> int:
        """Of the newest root."""
        return int(read_signed(self.roots[-1])["version"])

    @property
    def bit_length(self) -> int:
        """Of the succinct bins: there are two to the power of this."""
        return int(read_signed(self.upper[UNCLAIMED])["delegations"]["succinct_roles"]["bit_length"])


@dataclass(frozen=True, slots=True)
class Change:
    """Target entries to set, and target paths to take away."""

    added: Mapping[str, Json]
    removed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Plan:
    """What to sign: the targets of each online role that changes or is renewed, and new offline documents.

    A root that `begins_chain` is followed by no client of the roots before it.
    """

    targets: Mapping[str, Targets]
    offline: tuple[Document, ...] = ()
    begins_chain: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether clients see already what they should."""
        return not self.targets and not self.offline

    def online_roles(self) -> list[str]:
        """Every role that is signed with the online key, snapshot and timestamp last."""
        return [*self.targets, SNAPSHOT, TIMESTAMP]


@dataclass(frozen=True, slots=True)
class Signing:
    """With what, as of when, and with which versions (by role) to sign. Each of `signers` signs every document.

    For the snapshot: the journal's head, and the entry of the public log that this publication follows.
    """

    signers: tuple[Signer, ...]
    now: datetime
    versions: Mapping[str, int]
    index_id: str
    journal: Json | None = None
    online: OnlineDays = USUAL
    logged: Entry | None = None

    def header(self, role: str) -> RoleHeader:
        """The header of a role's new document."""
        return RoleHeader(role, self.versions[role], self.now + lifetime(role, self.online), self.index_id)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A publication that is signed but not visible yet."""

    documents: tuple[Document, ...]  # without timestamp
    timestamp: Document
    entries: SnapshotEntries
    expiries: Mapping[str, datetime]  # of every document, by role
    journal: Json | None = None
    log: Json | None = None

    @property
    def number(self) -> int:
        """The publication's number: the version of its snapshot."""
        return next(document.version for document in self.documents if document.role == SNAPSHOT)


def plan_publication(
    changes: Iterable[Change], *, bit_length: int, read_targets: ReadTargets, renew: Iterable[str] = ()
) -> Plan:
    """Which bins to sign anew, with which targets: those that a change really changes, and those to renew."""
    targets: dict[str, dict[str, Json]] = {role: dict(read_targets(role)) for role in renew}
    read: dict[str, Targets] = {}
    for change in changes:
        wanted: dict[str, Json | None] = {**change.added, **dict.fromkeys(change.removed)}
        for path, entry in wanted.items():
            role = bin_of(path, bit_length=bit_length)
            if role not in read:
                read[role] = read_targets(role)
            if targets.get(role, read[role]).get(path) == entry:
                continue
            changed = targets.setdefault(role, dict(read[role]))
            if entry is None:
                del changed[path]
            else:
                changed[path] = entry
    return Plan(MappingProxyType(targets))


def sign_publication(plan: Plan, *, entries: SnapshotEntries, signing: Signing) -> Candidate:
    """Sign the plan in memory. `entries` are the current snapshot's: no role ever leaves it."""
    delegations: Json = {"keys": {}, "roles": []}
    documents = list(plan.offline)
    for role, targets in plan.targets.items():
        own = None if is_bin(role) else delegations
        signed = targets_signed(signing.header(role), targets=targets, delegations=own)
        documents.append(sign_document(signed, signing.signers))
    after = entries.updated({each.role: meta_entry(each, hashed=not is_bin(each.role)) for each in documents})
    log = next_place(signing.logged, now=signing.now, documents=len(documents) + len((SNAPSHOT, TIMESTAMP)))
    snapshot = sign_snapshot(signing.header(SNAPSHOT), after, signing.signers, journal=signing.journal, log=log)
    timestamp = sign_document(timestamp_signed(signing.header(TIMESTAMP), snapshot), signing.signers)
    expiries = {each.role: read_expiry(read_signed(each.content)) for each in plan.offline}
    expiries |= {role: signing.header(role).expires for role in plan.online_roles()}
    return Candidate((*documents, snapshot), timestamp, after, expiries, signing.journal, log)


def advance(current: Current, candidate: Candidate, roots: tuple[bytes, ...]) -> Current:
    """The publication that will be current once the candidate is visible."""
    contents = {document.role: document.content for document in candidate.documents}
    upper = {role: contents.get(role, content) for role, content in current.upper.items()}
    if RECENTLY_CLAIMED in contents:
        upper[RECENTLY_CLAIMED] = contents[RECENTLY_CLAIMED]
    timestamp, snapshot = candidate.timestamp.content, contents[SNAPSHOT]
    return Current(roots, timestamp, snapshot, upper, candidate.entries, candidate.journal, candidate.log)


def is_bin(role: str) -> bool:
    """Whether the role is one of the bins."""
    return role.startswith(f"{BIN_PREFIX}-")
