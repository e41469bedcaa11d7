"""The signed parts of root and targets roles, as JSON, and the defaults of a ceremony: holders, thresholds, lifetimes.

Server and ceremony build the same documents from public keys in TUF's JSON form (TUF specification, section 4).
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType

from indexsite_client.protocol.bins import BIN_PREFIX, Bins
from indexsite_client.protocol.page import Json, canonical_json
from indexsite_client.protocol.shape import (
    CLAIMED,
    EXTENSION,
    RECENTLY_CLAIMED,
    TARGETS_DELEGATIONS,
    UNCLAIMED,
)

SPEC_VERSION = "1.0.34"
ROOT, TIMESTAMP, SNAPSHOT, TARGETS = "root", "timestamp", "snapshot", "targets"
TOP_LEVEL = (ROOT, TIMESTAMP, SNAPSHOT, TARGETS)
_EXPIRY = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class OfflineRole:
    """How many people hold keys of an offline role, how many must sign, and how many days a signature is good for."""

    holders: int
    threshold: int
    days: int


OFFLINE_ROLES: Mapping[str, OfflineRole] = MappingProxyType(
    {
        ROOT: OfflineRole(3, 2, 365),
        TARGETS: OfflineRole(2, 2, 365),
        CLAIMED: OfflineRole(3, 2, 90),
        UNCLAIMED: OfflineRole(2, 2, 365),
    }
)
ONLINE_DAYS: Mapping[str, int] = MappingProxyType({RECENTLY_CLAIMED: 7, BIN_PREFIX: 7, SNAPSHOT: 7, TIMESTAMP: 1})


@dataclass(frozen=True, slots=True)
class RoleHeader:
    """What the signed part of every role begins with. `index_id` ties a document to one index (`x-indexsite`)."""

    role: str
    version: int
    expires: datetime
    index_id: str

    def signed(self, kind: str) -> Json:
        """The beginning of a signed part of TUF's type `kind`."""
        return {
            "_type": kind,
            "spec_version": SPEC_VERSION,
            "version": self.version,
            "expires": self.expires.astimezone(UTC).strftime(_EXPIRY),
            EXTENSION: {"index": self.index_id, "role": self.role},
        }


@dataclass(frozen=True, slots=True)
class RoleKeys:
    """The public keys of a role, in TUF's JSON form by key id, and how many of them must sign."""

    keys: Mapping[str, Json]
    threshold: int

    def entry(self) -> Json:
        """The role's entry among those of its delegator."""
        return {"keyids": list(self.keys), "threshold": self.threshold}


def key_id(key: Json) -> str:
    """The id of a public key: the SHA-256 of its canonical JSON, so that no key has two."""
    return hashlib.sha256(canonical_json(key)).hexdigest()


def read_expiry(signed: Json) -> datetime:
    """When a signed part expires, in UTC."""
    return datetime.strptime(signed["expires"], _EXPIRY).replace(tzinfo=UTC)


def root_signed(header: RoleHeader, roles: Mapping[str, RoleKeys], *, development: bool) -> Json:
    """The signed part of root: the keys of the four top-level roles."""
    signed = header.signed(ROOT)
    signed[EXTENSION]["development"] = development
    entries = {name: role.entry() for name, role in roles.items()}
    return signed | {"consistent_snapshot": True, "keys": _all_keys(roles.values()), "roles": entries}


def targets_signed(header: RoleHeader, *, targets: Mapping[str, Json], delegations: Json | None = None) -> Json:
    """The signed part of any targets role; `targets` are entries by target path."""
    signed = header.signed(TARGETS) | {"targets": dict(targets)}
    if delegations is not None:
        signed["delegations"] = delegations
    return signed


def delegation_to(roles: Sequence[tuple[str, RoleKeys]], *, path: str, terminating: bool) -> Json:
    """Delegations of one path pattern to these roles, asked in this order."""
    return {
        "keys": _all_keys(role for _, role in roles),
        "roles": [{"name": name, **role.entry(), "paths": [path], "terminating": terminating} for name, role in roles],
    }


def offline_signed(header: RoleHeader, keys: Mapping[str, RoleKeys], *, bins: Bins, development: bool) -> Json:
    """The signed part of a new offline role of DESIGN section 4; `keys` by role, those of all bins as BIN_PREFIX.

    `claimed` delegates to nobody yet.
    """
    if header.role == ROOT:
        return root_signed(header, {role: keys[role] for role in TOP_LEVEL}, development=development)
    if header.role == TARGETS:
        order = [(role, keys[role]) for role in TARGETS_DELEGATIONS]
        delegations = delegation_to(order, path="*/*", terminating=False)
    elif header.role == UNCLAIMED:
        delegations = bins.delegations(_all_keys([keys[BIN_PREFIX]]), keys[BIN_PREFIX].entry())
    else:
        delegations = {"keys": {}, "roles": []}
    return targets_signed(header, targets={}, delegations=delegations)


def _all_keys(roles: Iterable[RoleKeys]) -> Json:
    return {keyid: key for role in roles for keyid, key in role.keys.items()}
