"""The tree of roles as one publication has it: who vouches for whom, with which keys. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from indexsite_client.protocol import (
    BIN_PREFIX,
    EXTENSION,
    HOLDERS,
    LONGEST_NAME,
    ROOT,
    SNAPSHOT,
    TARGETS,
    TIMESTAMP,
    UNCLAIMED,
    Json,
    read_expiry,
)
from tufsigning.core.bins import read_bins_entry
from tufsigning.core.documents import read_signed
from tufsigning.core.publication import Current


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """A public key: its id, its kind, and who holds it, where the root says so."""

    id: str
    kind: str
    holder: str = ""

    @property
    def short(self) -> str:
        """The beginning of the id, for eyes."""
        return self.id[:8]


@dataclass(frozen=True, slots=True)
class RoleFacts:
    """A role, or all bins at once (`count`); `version` is then the newest of theirs, `expires` the soonest, if known.

    A role is online where all its keys are keys of the timestamp, which the server must have.
    """

    name: str
    delegator: str
    depth: int
    is_online: bool
    threshold: int
    keys: tuple[KeyFacts, ...]
    version: int
    expires: datetime | None
    count: int = 1

    def is_expired(self, now: datetime) -> bool:
        """Whether clients that verify refuse it."""
        return self.expires is not None and self.expires <= now


def describe_roles(current: Current) -> tuple[RoleFacts, ...]:
    """Every role with its place in the tree, each below its delegator; bins as one."""
    return tuple(_Description(current).roles())


class _Description:
    def __init__(self, current: Current) -> None:
        self._current = current
        self._root = read_signed(current.roots[-1])
        self._online = frozenset(self._root["roles"][TIMESTAMP]["keyids"])
        self._holders: Json = self._root[EXTENSION].get(HOLDERS) or {}

    def roles(self) -> Iterator[RoleFacts]:
        root, current = self._root, self._current
        tops = {ROOT: root, TIMESTAMP: read_signed(current.timestamp), SNAPSHOT: read_signed(current.snapshot)}
        tops[TARGETS] = read_signed(current.upper[TARGETS])
        for name, signed in tops.items():
            yield self._facts(name, ROOT if name != ROOT else "", root["roles"][name], root["keys"], signed=signed)
        delegations = tops[TARGETS]["delegations"]
        for each in delegations["roles"]:
            signed = read_signed(current.upper[each["name"]])
            yield self._facts(each["name"], TARGETS, each, delegations["keys"], signed=signed)
            if each["name"] == UNCLAIMED:
                yield self._bins(signed["delegations"])

    def _facts(
        self,
        name: str,
        delegator: str,
        role: Json,
        keys: Json,
        *,
        signed: Json | None,
        version: int = 0,
        count: int = 1,
    ) -> RoleFacts:
        depth = {"": 0, ROOT: 1, TARGETS: 2, UNCLAIMED: 3}[delegator]
        held = tuple(KeyFacts(each, str(keys[each]["keytype"]), self._holder(each)) for each in role["keyids"])
        is_online = set(role["keyids"]) <= self._online
        version, expires = (signed["version"], read_expiry(signed)) if signed else (version, None)
        return RoleFacts(name, delegator, depth, is_online, role["threshold"], held, version, expires, count)

    def _bins(self, delegations: Json) -> RoleFacts:
        bins, role = self._current.bins, read_bins_entry(self._current.upper[UNCLAIMED])
        newest = max(self._current.entries[name]["version"] for name in bins.names())
        keys = delegations["keys"]
        return self._facts(BIN_PREFIX, UNCLAIMED, role, keys, signed=None, version=newest, count=bins.count)

    def _holder(self, key_id: str) -> str:
        name = self._holders.get(key_id, "")
        return name[:LONGEST_NAME] if isinstance(name, str) else ""
