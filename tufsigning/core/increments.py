"""The rules of a TUF client for what changes in every publication: timestamp, snapshot, bins (TUF, 5.4 to 5.6).

Signatures, thresholds and expiry are python-tuf's to decide. It is given the bytes that stand in the document, after a
check that they are canonical: to derive them anew, as its own client does, takes most of a publication's time.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache

from tuf.api.exceptions import (
    BadVersionNumberError,
    ExpiredMetadataError,
    LengthOrHashMismatchError,
    RepositoryError,
)
from tuf.api.metadata import Metadata, Root, Signature, Targets

from indexsite_client.protocol import SNAPSHOT, TIMESTAMP, UNCLAIMED, Json, check_shape, read_expiry
from tufsigning.core.canonical import canonical_bytes, read_object
from tufsigning.core.carrying import split_bin
from tufsigning.core.documents import Document, read_signed, split_document
from tufsigning.core.publication import Candidate, Current, is_bin


def check_increment(candidate: Candidate, *, previous: Current, now: datetime) -> None:
    """Check timestamp and snapshot as a client that saw `previous`, whose root and upper roles are unchanged.

    Raises python-tuf's RepositoryError or ValueError.
    """
    root = _read_root(previous.roots[-1])
    contents = {document.role: document for document in candidate.documents}
    timestamp = _verified(root, candidate.timestamp, now)
    pointer, before = timestamp["meta"]["snapshot.json"], read_signed(previous.timestamp)
    _require_newer(TIMESTAMP, timestamp["version"], before["version"])
    _require_newer(SNAPSHOT, pointer["version"], before["meta"]["snapshot.json"]["version"])
    _require_described(contents[SNAPSHOT], pointer)
    snapshot = _verified(root, contents[SNAPSHOT], now)
    signed_anew = {f"{role}.json" for role in contents.keys() - {SNAPSHOT}}
    _check_entries(snapshot["meta"], previous.entries.by_file, signed_anew)


def check_bins(candidate: Candidate, *, current: Current, now: datetime) -> None:
    """Check every bin of the candidate as a client that reached it; raises RepositoryError or ValueError.

    Bins that did not change were checked when they were new, and so were the targets of bins that are carried.
    """
    unclaimed, index_id = _read_targets(current.upper[UNCLAIMED]), current.index_id
    for document in candidate.documents:
        if is_bin(document.role):
            _require_described(document, candidate.entries[document.role])
            if document.role in candidate.carried:
                _check_carried(unclaimed, document, candidate.carried[document.role], index_id=index_id, now=now)
                continue
            signed = _verified(unclaimed, document, now)
            check_shape(document.role, signed, index_id=index_id)
            Targets.from_dict(signed)  # which takes it apart: last


def verify_bin(role: str, content: bytes, *, unclaimed: bytes) -> None:
    """Raise RepositoryError or ValueError unless a published bin is what its delegator's keys signed."""
    signatures, payload = split_document(content)
    _verify_signatures(_read_targets(unclaimed), role, signatures, payload)


def _check_carried(
    unclaimed: Targets, document: Document, targets_sha256: str, *, index_id: str, now: datetime
) -> None:
    """The bin lists exactly what the verified one before it listed, under a header that its keys signed."""
    signatures, payload = split_document(document.content)
    bin_ = split_bin(payload)
    if bin_.targets_sha256 != targets_sha256:
        raise RepositoryError(f"{document.role} lists something else than the bin that it renews")
    _verify_signatures(unclaimed, document.role, signatures, payload)
    _require_header(document, bin_.header, now)
    without_targets = {**bin_.header, "targets": {}}
    check_shape(document.role, without_targets, index_id=index_id)
    Targets.from_dict(without_targets)


def _verified(delegator: Root | Targets, document: Document, now: datetime) -> Json:
    """The signed part of a document that its delegator's keys signed, that is canonical, and unexpired."""
    signatures, payload = split_document(document.content)
    signed = read_object(payload)
    if b"\\" in payload or canonical_bytes(signed) != payload:
        raise RepositoryError(f"{document.role} is not canonical")
    _verify_signatures(delegator, document.role, signatures, payload)
    _require_header(document, signed, now)
    return signed


def _verify_signatures(delegator: Root | Targets, role: str, signatures: list[Json], payload: bytes) -> None:
    read = [Signature.from_dict(each) for each in signatures]
    delegator.verify_delegate(role, payload, {each.keyid: each for each in read})


def _require_header(document: Document, signed: Json, now: datetime) -> None:
    """It has the version that it is known by, and is not expired."""
    if signed["version"] != document.version:
        raise BadVersionNumberError(f"{document.role} has version {signed['version']}, not {document.version}")
    if read_expiry(signed) <= now:
        raise ExpiredMetadataError(f"{document.role} is expired")


def _check_entries(after: Mapping[str, Json], before: Mapping[str, Json], signed_anew: set[str]) -> None:
    """No role leaves the snapshot, none goes back, and none changes that was not signed anew."""
    if missing := before.keys() - after.keys():
        raise RepositoryError(f"the snapshot is missing {min(missing)}")
    for file, entry in after.items():
        known = before.get(file)
        if known == entry:
            continue
        if file not in signed_anew:
            raise RepositoryError(f"the snapshot changes {file}, which was not signed anew")
        if known is not None:
            _require_newer(file, entry["version"], known["version"])


def _require_described(document: Document, entry: Json) -> None:
    """The document is the one that its entry in snapshot or timestamp describes."""
    hashes = entry.get("hashes", {"sha256": document.sha256})
    if entry["length"] != len(document.content) or hashes != {"sha256": document.sha256}:
        raise LengthOrHashMismatchError(f"{document.role} is not what its entry describes")
    if entry["version"] != document.version:
        raise BadVersionNumberError(f"{document.role} has version {document.version}, not {entry['version']}")


def _require_newer(what: str, version: int, before: int) -> None:
    if version <= before:
        raise BadVersionNumberError(f"the new version {version} of {what} must be greater than {before}")


@lru_cache(maxsize=4)
def _read_root(content: bytes) -> Root:
    return Metadata[Root].from_bytes(content).signed


@lru_cache(maxsize=4)
def _read_targets(content: bytes) -> Targets:
    return Metadata[Targets].from_bytes(content).signed
