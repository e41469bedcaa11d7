"""Signed documents: from a signed part and its signers to the bytes that clients fetch (TUF, section 4)."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from securesystemslib.signer import Key, Signer

from indexsite_client.protocol import EXTENSION, SNAPSHOT, TIMESTAMP, Json, RoleHeader, RoleKeys
from tufsigning.core.canonical import canonical_bytes, read_object
from tufsigning.core.snapshots import SnapshotEntries

JOURNAL = "journal"  # in the snapshot's extension: {"entries": how many are sealed, "sha256": of the last one}
LOG = "log"  # likewise: this publication's own place in the public log, see core/log.py
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


def role_keys(keys: Iterable[Key], threshold: int) -> RoleKeys:
    """These keys for a role, of which so many must sign."""
    return RoleKeys({key.keyid: key.to_dict() for key in keys}, threshold)


def sign_document(signed: Json, signers: Iterable[Signer]) -> Document:
    """Sign the canonical form and serialise once: what is signed is what is served."""
    return sign_payload(signed[EXTENSION]["role"], signed["version"], canonical_bytes(signed), signers)


def sign_snapshot(
    header: RoleHeader,
    entries: SnapshotEntries,
    signers: Iterable[Signer],
    *,
    journal: Json | None = None,
    log: Json | None = None,
) -> Document:
    """Sign a snapshot with these entries, of which each was serialised when it was new, and what it says of chains."""
    signed = header.signed(SNAPSHOT) | {"meta": {}}
    if journal is not None:
        signed[EXTENSION][JOURNAL] = journal
    if log is not None:
        signed[EXTENSION][LOG] = log
    before, meta, after = canonical_bytes(signed).partition(b'"meta":{}')
    payload = before + meta.removesuffix(b"{}") + entries.canonical() + after
    return sign_payload(SNAPSHOT, header.version, payload, signers)


def sign_payload(role: str, version: int, payload: bytes, signers: Iterable[Signer]) -> Document:
    """Sign what is in canonical form already."""
    signatures = canonical_bytes([signer.sign(payload).to_dict() for signer in signers])
    return Document(role, version, b'{"signatures":' + signatures + _SIGNED + payload + b"}")


def split_document(content: bytes) -> tuple[list[Json], bytes]:
    """The signatures of a document, and the bytes of its signed part as they stand there."""
    envelope, _, payload = content.partition(_SIGNED)
    return read_object(envelope + b"}")["signatures"], payload[:-1]


def read_signed(content: bytes) -> Json:
    """The signed part of a document of our own."""
    signed: Json = read_object(content)["signed"]
    return signed


def target_entry(*, sha256: str, length: int) -> Json:
    """A target's entry: exactly one hash, for the URL of a consistent snapshot uses the first one listed."""
    return {"hashes": {"sha256": sha256}, "length": length}


def meta_entry(document: Document, *, hashed: bool) -> Json:
    """A document's entry in snapshot: version and length, and its hash where it is not a bin."""
    entry: Json = {"version": document.version, "length": len(document.content)}
    if hashed:
        entry["hashes"] = {"sha256": document.sha256}
    return entry


def timestamp_signed(header: RoleHeader, snapshot: Document) -> Json:
    """The signed part of timestamp: which snapshot is the current one."""
    return header.signed(TIMESTAMP) | {"meta": {"snapshot.json": meta_entry(snapshot, hashed=True)}}
