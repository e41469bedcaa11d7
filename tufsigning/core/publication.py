"""What a publication consists of: from the current documents and what should be true to the documents to sign."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from securesystemslib.signer import Signer

from indexsite_client.protocol import (
    EXTENSION,
    RECENTLY_CLAIMED,
    SNAPSHOT,
    TIMESTAMP,
    UNCLAIMED,
    Bins,
    Json,
    RoleHeader,
    read_expiry,
    targets_signed,
)
from indexsite_client.protocol import is_bin as is_bin
from tufsigning.core.bins import ReadTargets as ReadTargets
from tufsigning.core.bins import Targets as Targets
from tufsigning.core.bins import read_bins
from tufsigning.core.carrying import split_bin, with_header
from tufsigning.core.documents import (
    Document,
    meta_entry,
    read_signed,
    sign_document,
    sign_payload,
    sign_snapshot,
    split_document,
    timestamp_signed,
)
from tufsigning.core.lifetimes import USUAL, OnlineDays, lifetime
from tufsigning.core.log import Entry, next_place
from tufsigning.core.snapshots import NO_ENTRIES, SnapshotEntries

ReadDocument = Callable[[str], bytes]  # of a role, by its name: the bytes of its document, which were verified


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
    def bins(self) -> Bins:
        """Those that unclaimed delegates to."""
        return read_bins(self.upper[UNCLAIMED])

    def roles(self) -> list[str]:
        """The roles of the snapshot that clients may ask for: it goes on to name bins that were retired (ADR 26)."""
        bins = self.bins
        return [role for role in self.entries.roles() if not bins.has_retired(role)]


@dataclass(frozen=True, slots=True)
class Change:
    """Target entries to set, and target paths to take away."""

    added: Mapping[str, Json]
    removed: frozenset[str] = frozenset()


class TargetsWhenSigned(Mapping[str, Targets]):
    """The targets of these roles, each read when it is signed: those of a whole index need not be in memory at once."""

    def __init__(self, roles: Iterable[str], read: ReadTargets) -> None:
        self._roles, self._read = dict.fromkeys(roles), read

    def __len__(self) -> int:
        return len(self._roles)

    def __iter__(self) -> Iterator[str]:
        return iter(self._roles)

    def __getitem__(self, role: str) -> Targets:
        if role not in self._roles:
            raise KeyError(role)
        return self._read(role)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to sign: the targets of each online role that changes, and new offline documents.

    Bins that are `carried` are signed anew with the targets that they have, which nobody reads for it. A root that
    `begins_chain` is followed by no client of the roots before it.
    """

    targets: Mapping[str, Targets]
    offline: tuple[Document, ...] = ()
    begins_chain: bool = False
    carried: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.targets.keys().isdisjoint(self.carried):
            raise ValueError("A bin is carried or has new targets, never both: no version is signed twice.")

    @property
    def is_empty(self) -> bool:
        """Whether clients see already what they should."""
        return not self.targets and not self.offline and not self.carried

    def online_roles(self) -> list[str]:
        """Every role that is signed with the online key, snapshot and timestamp last."""
        return [*self.targets, *self.carried, SNAPSHOT, TIMESTAMP]


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
    """A publication that is signed but not visible yet.

    `carried` has the SHA-256 of each carried bin's targets, as they were published and verified.
    """

    documents: tuple[Document, ...]  # without timestamp
    timestamp: Document
    entries: SnapshotEntries
    expiries: Mapping[str, datetime]  # of every document, by role
    journal: Json | None = None
    log: Json | None = None
    carried: Mapping[str, str] = field(default_factory=dict)

    @property
    def number(self) -> int:
        """The publication's number: the version of its snapshot."""
        return next(document.version for document in self.documents if document.role == SNAPSHOT)


def plan_publication(
    changes: Iterable[Change], *, bins: Bins, read_targets: ReadTargets, renew: Iterable[str] = ()
) -> Plan:
    """Which bins to sign anew, with which targets: those that a change really changes, and those to renew."""
    targets: dict[str, dict[str, Json]] = {role: dict(read_targets(role)) for role in renew}
    read: dict[str, Targets] = {}
    for change in changes:
        wanted: dict[str, Json | None] = {**change.added, **dict.fromkeys(change.removed)}
        for path, entry in wanted.items():
            role = bins.bin_of(path)
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


def plan_as_it_is(roles: Collection[str], *, read_targets: ReadTargets, offline: tuple[Document, ...] = ()) -> Plan:
    """These online roles signed anew with the targets that they have. Snapshot and timestamp are signed in any case."""
    recently = {role: read_targets(role) for role in roles if role == RECENTLY_CLAIMED}
    return Plan(recently, offline, carried=tuple(role for role in roles if is_bin(role)))


def _nothing_published(role: str) -> bytes:
    raise LookupError(f"there is no published document of {role} to carry over")


def sign_publication(
    plan: Plan, *, entries: SnapshotEntries, signing: Signing, read_document: ReadDocument = _nothing_published
) -> Candidate:
    """Sign the plan in memory. `entries` are the current snapshot's: no role ever leaves it.

    `read_document` is asked for the bins that are carried, one after the other.
    """
    delegations: Json = {"keys": {}, "roles": []}
    documents = list(plan.offline)
    for role, targets in plan.targets.items():
        own = None if is_bin(role) else delegations
        signed = targets_signed(signing.header(role), targets=targets, delegations=own)
        documents.append(sign_document(signed, signing.signers))
    carried: dict[str, str] = {}
    for role in plan.carried:
        before = split_bin(split_document(read_document(role))[1])
        renewed = with_header(signing.header(role), before.targets)
        documents.append(sign_payload(role, signing.versions[role], renewed, signing.signers))
        carried[role] = before.targets_sha256
    after = entries.updated({each.role: meta_entry(each, hashed=not is_bin(each.role)) for each in documents})
    log = next_place(signing.logged, now=signing.now, documents=len(documents) + len((SNAPSHOT, TIMESTAMP)))
    snapshot = sign_snapshot(signing.header(SNAPSHOT), after, signing.signers, journal=signing.journal, log=log)
    timestamp = sign_document(timestamp_signed(signing.header(TIMESTAMP), snapshot), signing.signers)
    expiries = {each.role: read_expiry(read_signed(each.content)) for each in plan.offline}
    expiries |= {role: signing.header(role).expires for role in plan.online_roles()}
    return Candidate((*documents, snapshot), timestamp, after, expiries, signing.journal, log, carried)


def advance(current: Current, candidate: Candidate, roots: tuple[bytes, ...]) -> Current:
    """The publication that will be current once the candidate is visible."""
    contents = {document.role: document.content for document in candidate.documents}
    upper = {role: contents.get(role, content) for role, content in current.upper.items()}
    if RECENTLY_CLAIMED in contents:
        upper[RECENTLY_CLAIMED] = contents[RECENTLY_CLAIMED]
    timestamp, snapshot = candidate.timestamp.content, contents[SNAPSHOT]
    return Current(roots, timestamp, snapshot, upper, candidate.entries, candidate.journal, candidate.log)
