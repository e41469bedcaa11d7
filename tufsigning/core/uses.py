"""What is said of each use of an online key, and how the uses hang together. Pure (ADR 21).

The hash of a use is SHA-256 over the canonical JSON of an object with its `number`, `at` (RFC 3339, UTC),
`publication`, `key`, `documents`, `roles`, `digest`, and `previous`: the hash of the use before in hexadecimal, 64
zeros for the first. `digest` is SHA-256 over the canonical JSON of a list that has role, version and SHA-256 of each
document, by role.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from indexsite_client.protocol import Json, canonical_json
from tufsigning.core.documents import Document
from tufsigning.core.publication import is_bin

BEGINNING = "0" * 64
_NAMED = 16  # roles; of more bins only their number is said, the digest covers all


@dataclass(frozen=True, slots=True)
class Use:
    """One publication that a key signed, as a link of the chain."""

    number: int
    at: datetime
    publication: int
    key: str
    documents: int
    roles: Json
    digest: str
    sha256: str

    def said(self) -> Json:
        """What is hashed of it, but for the hash before; and told to whoever keeps watch, with its own hash."""
        return {
            "number": self.number,
            "at": self.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "publication": self.publication,
            "key": self.key,
            "documents": self.documents,
            "roles": self.roles,
            "digest": self.digest,
        }

    def hashed(self, previous: str) -> str:
        """Its hash after the one of the use before."""
        return hashlib.sha256(canonical_json({**self.said(), "previous": previous})).hexdigest()


def describe_roles(documents: Sequence[Document]) -> Json:
    """Versions by role; of many bins only how many."""
    if len(documents) <= _NAMED:
        return {each.role: each.version for each in documents}
    named = {each.role: each.version for each in documents if not is_bin(each.role)}
    return {**named, "bins": sum(is_bin(each.role) for each in documents)}


def digest_of(documents: Iterable[Document]) -> str:
    """One hash over all that was signed."""
    listed = sorted([each.role, each.version, each.sha256] for each in documents)
    return hashlib.sha256(canonical_json(listed)).hexdigest()


def use_faults(uses: Iterable[Use]) -> Iterator[str]:
    """A sentence for each use that is not what was written, or missing; `uses` by number."""
    previous, number = BEGINNING, 0
    for use in uses:
        if use.number != number + 1:
            yield f"Of the online key's uses, {number + 1} to {use.number - 1} are missing."
        elif use.hashed(previous) != use.sha256:
            yield f"Use {use.number} of an online key, of publication {use.publication}, is not what was written."
        previous, number = use.sha256, use.number
