"""A published bin under a new header: its targets are carried over as the bytes that they are, and read by nobody.

What stands in a bin was checked when it was signed. To sign it anew only version and expiry change, so whoever has
verified the published document need not take its targets apart, nor write them down, once more.
"""

import hashlib
from dataclasses import dataclass

from indexsite_client.protocol import EXTENSION, Json, RoleHeader, targets_signed
from tufsigning.core.canonical import canonical_bytes, read_object

_TARGETS, _VERSION = b',"targets":', b',"version":'
_HEADER = {"_type", "expires", "spec_version", "version", EXTENSION}


@dataclass(frozen=True, slots=True)
class SplitBin:
    """The signed part of a bin: its header, and its targets in canonical form."""

    header: Json
    targets: bytes

    @property
    def targets_sha256(self) -> str:
        """Of the targets alone: by it a document is known to list exactly what the one before it listed."""
        return hashlib.sha256(self.targets).hexdigest()


def split_bin(payload: bytes) -> SplitBin:
    """Take a canonical signed part apart; raises ValueError where it is none of a bin.

    In canonical form the targets stand between `spec_version` and `version`, behind which only the extension follows.
    """
    before, begins, rest = payload.partition(_TARGETS)
    targets, ends, after = rest.rpartition(_VERSION)
    header = read_object(before + ends + after) if begins and ends else {}
    is_whole = header.keys() == _HEADER and canonical_bytes(header) == before + ends + after
    if not is_whole or b"\\" in payload or not (targets.startswith(b"{") and targets.endswith(b"}")):
        raise ValueError("is not the canonical form of a bin")
    return SplitBin(header, targets)


def with_header(header: RoleHeader, targets: bytes) -> bytes:
    """The canonical signed part that lists these targets: what `canonical_bytes` would make of the whole."""
    before, _, after = canonical_bytes(targets_signed(header, targets={})).partition(b'"targets":{}')
    return before + _TARGETS[1:] + targets + after
