"""Signed documents: from a signed part and its signers to the bytes that clients fetch (TUF, section 4)."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from securesystemslib.signer import Key, Signer

from indexsite_client.protocol import EXTENSION, Json
from tufsigning.core.canonical import canonical_bytes, read_object
from tufsigning.core.snapshots import SnapshotEntries

SPEC_VERSION = "1.0.34"
ROOT, TIMESTAMP, SNAPSHOT, TARGETS = "root", "timestamp", "snapshot", "targets"
JOURNAL = "journal"  # in the snapshot's extension: {"entries": how many are sealed, "sha256": of the last one}
_SIGNED = b',"signed":'


@dataclass(frozen=True, slots=True)
class Document:
    """A version of a role's signed metadata, as it is served. `sha256` is of its bytes, in hexadecimal."""

    role: str
    version: int
    content: bytes
    sha256: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sha256", hashlib.sha256(self.content).hexdigest())


@dataclass(frozen=True, slots=True)
class RoleHeader:
    """What the signed part of every role begins with. `index_id` ties a document to one index (`x-indexsite`)."""

    role: str
    version: int
    expires: datetime
    index_id: str


@dataclass(frozen=True, slots=True)
class RoleKeys:
    """The public keys of a role and how many of them must sign."""

    keys: tuple[Key, ...]
    threshold: int

    def entry(self) -> Json:
        """The role's entry among those of its delegator."""
        return {"keyids": [key.keyid for key in self.keys], "threshold": self.threshold}


def sign_document(signed: Json, signers: Iterable[Signer]) -> Document:
    """Sign the canonical form and serialise once: what is signed is what is served."""
    return _sign(signed[EXTENSION]["role"], signed["version"], canonical_bytes(signed), signers)


def sign_snapshot(
    header: RoleHeader, entries: SnapshotEntries, signers: Iterable[Signer], *, journal: Json | None = None
) -> Document:
    """Sign a snapshot with these entries, of which each was serialised when it was new, and the journal's head."""
    signed = _signed(SNAPSHOT, header) | {"meta": {}}
    if journal is not None:
        signed[EXTENSION][JOURNAL] = journal
    before, meta, after = canonical_bytes(signed).partition(b'"meta":{}')
    payload = before + meta.removesuffix(b"{}") + entries.canonical() + after
    return _sign(SNAPSHOT, header.version, payload, signers)


def split_document(content: bytes) -> tuple[list[Json], bytes]:
    """The signatures of a document, and the bytes of its signed part as they stand there."""
    envelope, _, payload = content.partition(_SIGNED)
    return read_object(envelope + b"}")["signatures"], payload[:-1]


def read_signed(content: bytes) -> Json:
    """The signed part of a document of our own."""
    signed: Json = read_object(content)["signed"]
    return signed


def read_expiry(signed: Json) -> datetime:
    """When a signed part expires, in UTC."""
    return datetime.strptime(signed["expires"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def root_signed(header: RoleHeader, roles: Mapping[str, RoleKeys], *, development: bool) -> Json:
    """The signed part of root: the keys of the four top-level roles."""
    keys = {key.keyid: key.to_dict() for role in roles.values() for key in role.keys}
    signed = _signed(ROOT, header)
    signed[EXTENSION]["development"] = development
    signed |= {"consistent_snapshot": True, "keys": keys, "roles": {name: role.entry() for name, role in roles.items()}}
    return signed


def targets_signed(header: RoleHeader, *, targets: Mapping[str, Json], delegations: Json | None = None) -> Json:
    """The signed part of any targets role; `targets` are entries by target path."""
    signed = _signed(TARGETS, header) | {"targets": dict(targets)}
    if delegations is not None:
        signed["delegations"] = delegations
    return signed


def target_entry(*, sha256: str, length: int) -> Json:
    """A target's entry: exactly one hash, for the URL of a consistent snapshot uses the first one listed."""
    return {"hashes": {"sha256": sha256}, "length": length}


def delegation_to(roles: Sequence[tuple[str, RoleKeys]], *, path: str, terminating: bool) -> Json:
    """Delegations of one path pattern to these roles, asked in this order."""
    return {
        "keys": {key.keyid: key.to_dict() for _, role in roles for key in role.keys},
        "roles": [{"name": name, **role.entry(), "paths": [path], "terminating": terminating} for name, role in roles],
    }


def succinct_delegation(keys: RoleKeys, *, prefix: str, bit_length: int) -> Json:
    """Delegation to 2**bit_length hash bins (TAP 15)."""
    return {
        "keys": {key.keyid: key.to_dict() for key in keys.keys},
        "succinct_roles": {**keys.entry(), "bit_length": bit_length, "name_prefix": prefix},
    }


def meta_entry(document: Document, *, hashed: bool) -> Json:
    """A document's entry in snapshot: version and length, and its hash where it is not a bin."""
    entry: Json = {"version": document.version, "length": len(document.content)}
    if hashed:
        entry["hashes"] = {"sha256": document.sha256}
    return entry


def timestamp_signed(header: RoleHeader, snapshot: Document) -> Json:
    """The signed part of timestamp: which snapshot is the current one."""
    return _signed(TIMESTAMP, header) | {"meta": {"snapshot.json": meta_entry(snapshot, hashed=True)}}


def _sign(role: str, version: int, payload: bytes, signers: Iterable[Signer]) -> Document:
    signatures = canonical_bytes([signer.sign(payload).to_dict() for signer in signers])
    return Document(role, version, b'{"signatures":' + signatures + _SIGNED + payload + b"}")


def _signed(kind: str, header: RoleHeader) -> Json:
    return {
        "_type": kind,
        "spec_version": SPEC_VERSION,
        "version": header.version,
        "expires": header.expires.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        EXTENSION: {"index": header.index_id, "role": header.role},
    }
