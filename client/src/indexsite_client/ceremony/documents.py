"""Documents on their way to their threshold: read as hostile, signed by adding, verified as python-tuf does."""

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import datetime

from securesystemslib.signer import Signature
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Targets
from tuf.api.serialization import DeserializationError

from indexsite_client.ceremony.errors import CeremonyError, DraftError, KeyTwiceError
from indexsite_client.ceremony.keys import material, read_key
from indexsite_client.protocol import (
    CLAIMED,
    EXTENSION,
    OFFLINE_ROLES,
    ROOT,
    TARGETS,
    UNCLAIMED,
    Json,
    ProtocolError,
    RoleKeys,
    canonical_json,
    check_shape,
    holders_named,
    read_expiry,
)

MAX_LENGTH = 5_000_000  # bytes of a document, as TUF clients bound it
DELEGATORS = {ROOT: ROOT, TARGETS: ROOT, CLAIMED: TARGETS, UNCLAIMED: TARGETS}


@dataclass(frozen=True, slots=True)
class Document:
    """A version of an offline role with the signatures that it has so far. `content` is the file, byte for byte."""

    signed: Json
    signatures: tuple[Json, ...] = ()
    written: bytes = b""  # as it was read; a published document never changes by a byte

    @property
    def role(self) -> str:
        return str(self.signed[EXTENSION]["role"])

    @property
    def version(self) -> int:
        return int(self.signed["version"])

    @property
    def index_id(self) -> str:
        return str(self.signed[EXTENSION]["index"])

    @property
    def expires(self) -> datetime:
        return read_expiry(self.signed)

    @property
    def is_development(self) -> bool:
        return self.signed[EXTENSION].get("development") is True

    @property
    def filename(self) -> str:
        return f"{self.version}.{self.role}.json"

    @property
    def payload(self) -> bytes:
        """What is signed."""
        return canonical_json(self.signed)

    @property
    def payload_sha256(self) -> str:
        """Of what is signed: it stays the same while signatures are added."""
        return hashlib.sha256(self.payload).hexdigest()

    @property
    def content(self) -> bytes:
        return self.written or canonical_json({"signatures": list(self.signatures), "signed": self.signed})

    @property
    def sha256(self) -> str:
        """Of the file: of a root, the fingerprint that clients pin."""
        return hashlib.sha256(self.content).hexdigest()

    def with_signature(self, signature: Json) -> "Document":
        """With one signature more, in the order of key ids, so that whoever merges gets the same bytes."""
        others = [each for each in self.signatures if each["keyid"] != signature["keyid"]]
        ordered = sorted([*others, signature], key=lambda each: str(each["keyid"]))
        return replace(self, signatures=tuple(ordered), written=b"")

    def says_the_same(self, other: "Document") -> bool:
        """Whether only version and expiry differ."""
        return {**self.signed, "version": 0, "expires": ""} == {**other.signed, "version": 0, "expires": ""}


def read_document(data: bytes, *, name: str) -> Document:
    """Read a document of an offline role; raises DraftError or KeyRefusedError. Judges no signature."""
    try:
        if len(data) > MAX_LENGTH:
            raise ValueError("too long")
        said = json.loads(data)
        document = Document(said["signed"], tuple(said["signatures"]), data)
        if document.filename != name or document.role not in OFFLINE_ROLES:
            raise ValueError(f"it says that it is {document.filename}")
        check_document(document)
    except CeremonyError as error:
        raise type(error)(f"{name}: {error}") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DraftError(f"{name} is no document of an offline role ({error}); take it from another copy.") from error
    return document


def check_document(document: Document) -> None:
    """Raise DraftError or KeyRefusedError unless clients can read it, and each key in it has the one id of its own."""
    try:
        parsed = _parse(document)
        wanted = Root if document.role == ROOT else Targets
        if not isinstance(parsed, wanted) or document.version < 1:
            raise ValueError(f"it is {parsed.type} {document.version}")
        if isinstance(parsed, Root):
            if not parsed.consistent_snapshot or "development" not in document.signed[EXTENSION]:
                raise ValueError("it is no root of an index")
            holders_named(document.signed)
        else:
            check_shape(document.role, document.signed, index_id=document.index_id)
    except (RepositoryError, DeserializationError, ProtocolError, ValueError, KeyError, TypeError) as error:
        raise DraftError(f"Clients would refuse {document.role}: {error}.") from error
    keys = document.signed["keys"] if document.role == ROOT else document.signed.get("delegations", {}).get("keys", {})
    known: dict[str, str] = {}
    for keyid, key in keys.items():
        read_key(keyid, key)
        if known.setdefault(material(key), keyid) != keyid:
            raise KeyTwiceError(f"{document.role} names one key under two ids, {keyid[:8]} is one of them.")


def keys_in(delegator: Document, role: str) -> RoleKeys:
    """The keys and the threshold that a delegator asks for a role."""
    if delegator.role == ROOT:
        entry, keys = delegator.signed["roles"][role], delegator.signed["keys"]
    else:
        [entry] = [each for each in delegator.signed["delegations"]["roles"] if each["name"] == role]
        keys = delegator.signed["delegations"]["keys"]
    return RoleKeys({keyid: keys[keyid] for keyid in entry["keyids"]}, entry["threshold"])


def who_signed(document: Document, keys: RoleKeys) -> set[str]:
    """The ids of those keys of which the document bears a good signature."""
    signatures = {each["keyid"]: Signature(each["keyid"], each["sig"]) for each in document.signatures}
    root = Root(roles=None, consistent_snapshot=True)
    for keyid, key in keys.keys.items():
        root.add_key(read_key(keyid, key), TARGETS)
    return set(root.get_verification_result(TARGETS, document.payload, signatures).signed)


def is_signed(document: Document, keys: RoleKeys) -> bool:
    """Whether enough of these keys signed it."""
    return len(who_signed(document, keys)) >= keys.threshold


def _parse(document: Document) -> Root | Targets:
    parsed = Metadata.from_bytes(document.content).signed
    if not isinstance(parsed, Root | Targets):
        raise ValueError(f"it is {parsed.type}")
    return parsed
