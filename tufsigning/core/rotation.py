"""Replacing a healthy online key: who has signed a document, and where such a replacement stands. Pure (ADR 25).

For as long as it takes, every online document has two signatures: of the key that clients of the old root ask for, and
of the one that the new root names. TUF counts those that a role asks for, and ignores others.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import Key, Signature
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Targets

from indexsite_client.protocol import RECENTLY_CLAIMED, Json
from tufsigning.core.canonical import canonical_bytes, read_object
from tufsigning.core.documents import split_document

OBJECTION = timedelta(seconds=10)  # after which what a worker said counts no more: it says so every few seconds


@dataclass(frozen=True, slots=True)
class Rotation:
    """One online key that replaces another; `objected_at` is when a worker last said that it lacks the new one."""

    began_at: datetime
    old: Key
    new: Key
    objected_at: datetime | None = None

    @property
    def keys(self) -> tuple[Key, Key]:
        """Both."""
        return self.old, self.new

    def __str__(self) -> str:
        """In words."""
        return f"The online key {self.old.keyid[:8]} is being replaced by {self.new.keyid[:8]}"

    def is_objected_to(self, now: datetime) -> bool:
        """Whether a worker lacks the new key: it could publish nothing once the new root is there."""
        return self.objected_at is not None and now - self.objected_at <= OBJECTION


def said_key(key: Key) -> Json:
    """A public key and its id, to be kept."""
    return {"keyid": key.keyid, "key": key.to_dict()}


def read_key(said: Json) -> Key:
    """The public key that was kept."""
    return Key.from_dict(said["keyid"], dict(said["key"]))


def is_signed_by(content: bytes, key: Key) -> bool:
    """Whether a document bears a good signature of this key."""
    signatures, payload = split_document(content)
    for each in signatures:
        if each["keyid"] == key.keyid:
            try:
                key.verify_signature(Signature.from_dict(dict(each)), payload)
                return True
            except UnverifiedSignatureError:
                return False
    return False


def is_signed_for(role: str, content: bytes, delegator: Root | Targets) -> bool:
    """Whether a document is signed as its delegator asks for it."""
    signatures, payload = split_document(content)
    read = [Signature.from_dict(dict(each)) for each in signatures]
    try:
        delegator.verify_delegate(role, payload, {each.keyid: each for each in read})
    except (RepositoryError, ValueError):
        return False
    return True


def has_others(content: bytes, keyids: Iterable[str]) -> bool:
    """Whether a document bears a signature of another key than these."""
    return not {each["keyid"] for each in split_document(content)[0]} <= set(keyids)


def read_root(content: bytes) -> Root:
    """A root as python-tuf has it."""
    return Metadata[Root].from_bytes(content).signed


def read_targets_role(content: bytes) -> Targets:
    """A targets document as python-tuf has it."""
    return Targets.from_dict(read_object(canonical_bytes(read_object(content)["signed"])))


def next_slice(roles: Iterable[str], *, size: int) -> tuple[str, ...]:
    """What to sign in one publication of the roles that are left: timestamp and snapshot go with each anyway.

    recently-claimed stands in for them where only they are left.
    """
    left = list(roles)
    below = [role for role in left if role not in _TOP]
    return tuple(below[:size]) or ((RECENTLY_CLAIMED,) if left else ())


_TOP = ("timestamp", "snapshot")
