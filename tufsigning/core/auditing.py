"""Documents judged one by one: what a client would refuse of each, by python-tuf's rules and the shape. Pure.

Unlike a client, which ends at the first fault, an audit goes on as far as what it found still vouches for the rest.
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Signature, Targets
from tuf.api.serialization import DeserializationError

from indexsite_client.protocol import (
    EXTENSION,
    ROOT,
    SNAPSHOT,
    TIMESTAMP,
    Json,
    ProtocolError,
    check_shape,
    read_expiry,
)
from tufsigning.core.canonical import canonical_bytes, read_object
from tufsigning.core.documents import split_document
from tufsigning.core.findings import Finding

Delegator = Root | Targets
_MALFORMED = (ValueError, KeyError, TypeError, AttributeError, IndexError, RepositoryError, DeserializationError)


def judge_roots(roots: Sequence[bytes | None], *, now: datetime) -> tuple[list[Finding], Root | None]:
    """Every root, the first being trusted; None stands for a missing one. The newest that the chain vouches for.

    A real root that follows a development root begins a chain of its own: its keys alone must have signed it.
    """
    trusted: Root | None = None
    found: list[Finding] = []
    for version, content in enumerate(roots, start=1):
        where = f"{version}.root.json"
        if content is None:
            return [*found, Finding("document-missing", where, "It is not in the store.")], trusted
        try:
            root = Metadata[Root].from_bytes(content).signed
            before = [] if trusted is None or _begins_chain(trusted, root) else [trusted]
            faults = list(_envelope_faults(where, content, version, [*before, root], ROOT))
        except _MALFORMED as error:
            faults = [Finding("document-unreadable", where, f"It cannot be read: {error}")]
        if faults:
            return [*found, *faults], trusted
        trusted = root
    if trusted is not None and trusted.is_expired(now):
        found.append(Finding("document-expired", f"{trusted.version}.root.json", f"It expired at {trusted.expires}."))
    return found, trusted


def _begins_chain(before: Root, root: Root) -> bool:
    was, now_is = (each.unrecognized_fields.get(EXTENSION, {}).get("development") is True for each in (before, root))
    return was and not now_is


def judge(
    role: str, content: bytes | None, *, entry: Json | None, delegator: Delegator, now: datetime, index_id: str
) -> tuple[list[Finding], Json | None]:
    """A document below root; `entry` describes it in the document above (None for timestamp). Its signed part, where
    it can be relied on: an expired one can.
    """
    where = f"{entry['version']}.{role}.json" if entry else f"{role}.json"
    if content is None:
        return [Finding("document-missing", where, "It is not in the store.")], None
    try:
        faults = list(_envelope_faults(where, content, entry["version"] if entry else None, [delegator], role))
        faults = faults or list(_described_faults(where, content, entry))
        signed: Json = read_object(split_document(content)[1])
        faults = faults or list(_shape_faults(where, role, signed, index_id))
        expires = read_expiry(signed)
    except _MALFORMED as error:
        return [Finding("document-unreadable", where, f"It cannot be read: {error}")], None
    if faults:
        return faults, None
    if expires <= now:
        return [Finding("document-expired", where, f"It expired at {expires}.")], signed
    return [], signed


def _envelope_faults(
    where: str, content: bytes, version: int | None, delegators: Sequence[Delegator], role: str
) -> Iterator[Finding]:
    """Canonical, of the version that its name says, and signed by a threshold of each delegator's keys."""
    signatures, payload = split_document(content)
    signed = read_object(payload)
    if b"\\" in payload or canonical_bytes(signed) != payload:
        yield Finding("document-unreadable", where, "It is not in canonical form.")
    elif version is not None and signed["version"] != version:
        yield Finding("document-replaced", where, f"It is version {signed['version']} of {role}.")
    else:
        read = [Signature.from_dict(each) for each in signatures]
        for delegator in delegators:
            try:
                delegator.verify_delegate(role, payload, {each.keyid: each for each in read})
            except (RepositoryError, ValueError) as error:
                yield Finding("document-unsigned", where, f"{error}.")
                return


def _described_faults(where: str, content: bytes, entry: Json | None) -> Iterator[Finding]:
    if entry is None:
        return
    sha256 = hashlib.sha256(content).hexdigest()
    if entry["length"] != len(content) or entry.get("hashes", {"sha256": sha256}) != {"sha256": sha256}:
        yield Finding("document-differs", where, "Its length or hash is not the one that is signed.")


def _shape_faults(where: str, role: str, signed: Json, index_id: str) -> Iterator[Finding]:
    try:
        if role in {TIMESTAMP, SNAPSHOT}:
            if signed[EXTENSION] != {**signed[EXTENSION], "index": index_id, "role": role} or signed["_type"] != role:
                yield Finding("document-misshapen", where, "It is of another index or role.")
        else:
            check_shape(role, signed, index_id=index_id)
            Targets.from_dict(read_object(canonical_bytes(signed)))
    except (ProtocolError, RepositoryError) as error:
        yield Finding("document-misshapen", where, str(error))
