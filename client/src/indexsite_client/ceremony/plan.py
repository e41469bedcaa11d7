"""The plan of a ceremony, `ceremony.json`: who holds keys of which role, how many sign, and for how long it lasts."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from indexsite_client.ceremony.errors import CeremonyFolderError, CeremonyPlanError
from indexsite_client.protocol import (
    OFFLINE_ROLES,
    ROOT,
    Bins,
    BinStyle,
    Json,
    ProtocolError,
)

FORMAT, VERSION = "indexsite-ceremony", 1
ONLINE = "online"  # the name of the online key, which no holder may have
MOST_HOLDERS, MOST_DAYS = 50, 1826
_HOLDER = re.compile(r"[a-z0-9][a-z0-9.-]{0,39}")
_INDEX_ID = re.compile(r"[A-Za-z0-9-]{1,80}")


@dataclass(frozen=True, slots=True)
class RolePlan:
    """Of one offline role. With `discarded`, each version is signed by a key that is made for it and forgotten."""

    threshold: int
    days: int
    holders: tuple[str, ...]
    discarded: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What a ceremony is about; with `names` its root says who holds which key. Raises CeremonyPlanError."""

    index_id: str
    roles: Mapping[str, RolePlan]
    bins: Bins = field(default_factory=Bins)
    names: bool = False

    def __post_init__(self) -> None:
        if not _INDEX_ID.fullmatch(self.index_id):
            raise CeremonyPlanError(f"{self.index_id[:80]!r} is no id of an index.")
        if self.roles.keys() != OFFLINE_ROLES.keys():
            raise CeremonyPlanError(f"A ceremony has these roles: {', '.join(OFFLINE_ROLES)}.")
        for role, planned in self.roles.items():
            _check_role(role, planned)
        if len(self.holders) > MOST_HOLDERS:
            raise CeremonyPlanError(f"There are {len(self.holders)} key holders; {MOST_HOLDERS} are the most.")

    @property
    def holders(self) -> tuple[str, ...]:
        """Everybody who holds a key, each once."""
        return tuple(dict.fromkeys(holder for role in self.roles.values() for holder in role.holders))

    def roles_of(self, holder: str) -> list[str]:
        """The roles for which somebody signs."""
        return [role for role, planned in self.roles.items() if holder in planned.holders]

    def write(self) -> bytes:
        """The file."""
        roles = {role: _role_json(planned) for role, planned in self.roles.items()}
        said: Json = {"format": FORMAT, "version": VERSION, "index": self.index_id}
        said |= {"bins": self.bins.count, "bin_style": self.bins.style.value, "roles": roles}
        said |= {"names": True} if self.names else {}
        return json.dumps(said, indent=2).encode() + b"\n"


def read_plan(data: bytes) -> Plan:
    """Read `ceremony.json`; raises CeremonyFolderError or CeremonyPlanError."""
    try:
        said = json.loads(data)
        if said["format"] != FORMAT or said["version"] != VERSION:
            raise CeremonyFolderError("ceremony.json has a format that this version does not know; update the client.")
        roles = {role: _read_role(each) for role, each in said["roles"].items()}
        names = said.get("names", False) is True
        plan = Plan(str(said["index"]), MappingProxyType(roles), _read_bins(said), names)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CeremonyFolderError(f"ceremony.json is damaged ({error!r}); take it from another copy.") from error
    return plan


def _check_role(role: str, planned: RolePlan) -> None:
    if planned.discarded and role == ROOT:
        raise CeremonyPlanError("Root's keys cannot be discarded: nothing could ever be changed again.")
    for holder in planned.holders:
        if not _HOLDER.fullmatch(holder) or holder == ONLINE:
            raise CeremonyPlanError(
                f"{holder[:80]!r} is no name for a key holder: take lower-case letters, digits, dots and hyphens"
                f" (and not {ONLINE!r})."
            )
    if len(set(planned.holders)) != len(planned.holders):
        raise CeremonyPlanError(f"A holder is named twice for {role}.")
    count = 1 if planned.discarded else len(planned.holders)
    if not 1 <= planned.threshold <= count:
        raise CeremonyPlanError(
            f"{role} cannot have a threshold of {planned.threshold} with {count} key holders: name more holders with"
            f" --role {role}=NAME,NAME, or set --threshold {role}=N."
        )
    if not 1 <= planned.days <= MOST_DAYS:
        raise CeremonyPlanError(f"{role} cannot last {planned.days} days: take 1 to {MOST_DAYS}.")


def _role_json(planned: RolePlan) -> Json:
    said: Json = {"threshold": planned.threshold, "days": planned.days, "holders": list(planned.holders)}
    return said | ({"discarded": True} if planned.discarded else {})


def _read_role(said: Json) -> RolePlan:
    holders = said["holders"]
    if not isinstance(holders, list) or not all(isinstance(each, str) for each in holders):
        raise TypeError("holders")
    discarded = said.get("discarded", False) is True
    return RolePlan(_number(said["threshold"]), _number(said["days"]), tuple(holders), discarded)


def choose_bins(count: int, style: BinStyle) -> Bins:
    """So many of them in this style; raises CeremonyPlanError."""
    try:
        return Bins(count, style)
    except ProtocolError as error:
        raise CeremonyPlanError(str(error)) from error


def _read_bins(said: Json) -> Bins:
    return choose_bins(_number(said["bins"]), BinStyle(said.get("bin_style", BinStyle.SUCCINCT)))


def _number(value: object) -> int:
    if type(value) is not int:
        raise TypeError(f"{value!r} is no number")
    return value
