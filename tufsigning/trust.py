"""What an index says of its own trust, for people and programs: read once for each publication, shared by threads."""

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db.models import Min

from indexsite_client.protocol import BIN_PREFIX, EXTENSION
from tufsigning import records
from tufsigning.core.documents import read_signed
from tufsigning.core.expiry import warnings
from tufsigning.core.log import Entry
from tufsigning.core.publication import Current
from tufsigning.core.rotation import Rotation
from tufsigning.core.tree import RoleFacts, describe_roles
from tufsigning.library import Library
from tufsigning.log import current_entry
from tufsigning.records import heads_of

DEVELOPMENT = (
    "This root comes from a development ceremony: every key, the offline ones too, lies on the server. Whoever takes"
    " the server can forge everything."
)
_FAR = timedelta(days=100_000)


@dataclass(frozen=True, slots=True)
class Warned:
    """Something that people must know or do: `code` is development, key-rotation, role-expiring or role-expired."""

    code: str
    role: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Trust:
    """The trust of an index in one publication. `entry` is its place in the public log, None before the log began."""

    index_id: str
    publication: int
    is_development: bool
    root_version: int
    fingerprint: str
    roles: tuple[RoleFacts, ...]
    entry: Entry | None
    rotation: Rotation | None = None

    def warned(self, now: datetime) -> tuple[Warned, ...]:
        """In the order in which they matter."""
        return (*self._development(), *self._near_their_end(now), *self._rotation())

    def _development(self) -> Iterator[Warned]:
        if self.is_development:
            yield Warned("development", "", DEVELOPMENT)

    def _rotation(self) -> Iterator[Warned]:
        if self.rotation is not None:
            yield Warned("key-rotation", "", f"{self.rotation}. Until that is done, both sign everything online.")

    def _near_their_end(self, now: datetime) -> Iterator[Warned]:
        """What the server renews by itself is worth a word only once it has expired."""
        own = {role.name for role in self.roles if role.is_online or self.is_development}
        for role in self.roles:
            if role.name in own and role.is_expired(now):
                sentence = f"The role {role.name} expired, which the index renews by itself: is a worker running?"
                yield Warned("role-expired", role.name, sentence)
        theirs = {role.name: role.expires or now + _FAR for role in self.roles if role.name not in own}
        for each in warnings(theirs, now):
            yield Warned("role-expired" if each.is_over else "role-expiring", each.role, each.sentence)


class TrustReader:
    """Reads the current publication again only where there is a new one. Safe for many threads."""

    def __init__(self) -> None:
        self._library, self._lock = Library(), threading.Lock()
        self._known: tuple[bytes, Trust] | None = None

    def current(self) -> Current:
        """The publication that clients see; raises TrustError or StorageUnavailableError."""
        with self._lock:
            return self._library.current()

    def trust(self) -> Trust:
        """What there is to say of it; raises the same, or DatabaseError."""
        current, known = self.current(), self._known
        if known is None or known[0] != current.timestamp:
            known = current.timestamp, _describe(current)
            self._known = known
        return known[1]


reader = TrustReader()  # one for a process


def _describe(current: Current) -> Trust:
    root = read_signed(current.roots[-1])
    soonest = heads_of(current.bins).aggregate(soonest=Min("expires_at"))["soonest"]
    roles = describe_roles(current)
    return Trust(
        index_id=current.index_id,
        publication=read_signed(current.snapshot)["version"],
        is_development=root[EXTENSION].get("development") is True,
        root_version=root["version"],
        fingerprint=hashlib.sha256(current.roots[-1]).hexdigest(),
        roles=tuple(replace(role, expires=soonest) if role.name == BIN_PREFIX else role for role in roles),
        entry=current_entry(current),
        rotation=records.rotation(),
    )
