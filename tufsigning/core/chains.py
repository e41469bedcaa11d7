"""Chains of roots: which of the roots that lie in the store clients follow, and from which one on.

Each root is signed by the keys of the one before it, until a ceremony begins anew: then the next root is signed by its
own keys only, and whoever trusts the roots before it never follows. A root comes into force with the first timestamp
that its keys signed.
"""

from collections.abc import Sequence
from functools import lru_cache

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Timestamp
from tuf.api.serialization import DeserializationError

_UNREADABLE = (RepositoryError, DeserializationError, ValueError, KeyError)


def roots_in_force(roots: Sequence[bytes], timestamp: bytes) -> tuple[bytes, ...]:
    """From the beginning of the chain to the newest root whose keys signed the timestamp; empty where none did.

    `roots` are all of them, by version. A newer one than that was written by a publication that did not become visible.
    """
    for newest in range(len(roots) - 1, -1, -1):
        if _signs(roots[newest], timestamp):
            start = newest
            while start and follows(roots[start - 1], roots[start]):
                start -= 1
            return tuple(roots[start : newest + 1])
    return ()


@lru_cache(maxsize=1024)
def follows(before: bytes, root: bytes) -> bool:
    """Whether a client that trusts one root follows to the next: its keys signed it, and its own did."""
    try:
        metadata = Metadata[Root].from_bytes(root)
        for each in (_read_root(before), metadata.signed):
            each.verify_delegate(Root.type, metadata.signed_bytes, metadata.signatures)
        return metadata.signed.version == _read_root(before).version + 1
    except _UNREADABLE:
        return False


def _signs(root: bytes, timestamp: bytes) -> bool:
    try:
        metadata = Metadata[Timestamp].from_bytes(timestamp)
        _read_root(root).verify_delegate(Timestamp.type, metadata.signed_bytes, metadata.signatures)
        return True
    except _UNREADABLE:
        return False


@lru_cache(maxsize=64)
def _read_root(content: bytes) -> Root:
    return Metadata[Root].from_bytes(content).signed
