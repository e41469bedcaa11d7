"""The hash bins that `unclaimed` delegates to: how many, their names, and which of them a target path belongs to.

Two styles say the same: succinct (TAP 15), or explicit, a delegation with `path_hash_prefixes` for each bin. As many
bins have the same names in both, so that no bin changes with the style.
"""

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum

from indexsite_client.protocol.names import ProtocolError
from indexsite_client.protocol.page import Json

BIN_PREFIX = "bin"
DEFAULT_BINS, FEWEST_BINS, MOST_BINS = 256, 2, 16_384
_BIN = re.compile(r"bin-([0-9a-f]{1,4})")


class BinStyle(StrEnum):
    """How `unclaimed` says which bin a target path belongs to."""

    SUCCINCT = "succinct"
    EXPLICIT = "explicit"


@dataclass(frozen=True, slots=True)
class Bins:
    """So many bins, a power of two from FEWEST_BINS to MOST_BINS; raises ProtocolError for any other number."""

    count: int = DEFAULT_BINS
    style: BinStyle = BinStyle.SUCCINCT

    def __post_init__(self) -> None:
        if self.count.bit_count() != 1 or not FEWEST_BINS <= self.count <= MOST_BINS:
            raise ProtocolError(
                f"There cannot be {self.count} bins: take a power of two from {FEWEST_BINS} to {MOST_BINS}."
            )

    def __str__(self) -> str:
        return f"{self.count} {self.style} bins"

    def __contains__(self, role: str) -> bool:
        named = _BIN.fullmatch(role)
        return named is not None and len(named[1]) == self._digits and int(named[1], 16) < self.count

    @property
    def bit_length(self) -> int:
        """Of so many bits of a path's SHA-256 is a bin's number."""
        return self.count.bit_length() - 1

    def names(self) -> list[str]:
        """Every bin, in order."""
        return [self._name(number) for number in range(self.count)]

    def has_retired(self, role: str) -> bool:
        """Whether a role is a bin of another number, which a snapshot goes on to name and nobody asks for."""
        return is_bin(role) and role not in self

    def bin_of(self, target_path: str) -> str:
        """The bin of a target path: the first bits of its SHA-256 are its number."""
        digest = hashlib.sha256(target_path.encode()).digest()
        return self._name(int.from_bytes(digest[:4], "big") >> (32 - self.bit_length))

    def sources(self, role: str, before: "Bins") -> list[str]:
        """The bins of `before`, another number of them, in which targets of our bin `role` were: neighbours always."""
        number = int(role.removeprefix(f"{BIN_PREFIX}-"), 16)
        first, end = (each * before.count // self.count for each in (number, number + 1))
        return [before._name(each) for each in range(first, max(end, first + 1))]

    def delegations(self, keys: Json, entry: Json) -> Json:
        """The delegations of `unclaimed`: `keys` by id, and the `entry` of each bin, which has keyids and threshold."""
        if self.style is BinStyle.SUCCINCT:
            return {"keys": keys, "succinct_roles": {**entry, "bit_length": self.bit_length, "name_prefix": BIN_PREFIX}}
        return {"keys": keys, "roles": [self._explicit(number, entry) for number in range(self.count)]}

    @property
    def _digits(self) -> int:
        return (self.bit_length + 3) // 4

    def _name(self, number: int) -> str:
        return f"{BIN_PREFIX}-{number:0{self._digits}x}"

    def _explicit(self, number: int, entry: Json) -> Json:
        each = 16**self._digits // self.count
        prefixes = [f"{prefix:0{self._digits}x}" for prefix in range(number * each, (number + 1) * each)]
        return {**entry, "name": self._name(number), "path_hash_prefixes": prefixes, "terminating": False}


def read_bins(unclaimed: Json) -> Bins:
    """The bins of a signed part of `unclaimed`, in exactly one of the two forms; raises ProtocolError.

    Each prefix stands there once and none is missing: another form would hide targets, or vouch for them twice.
    """
    delegations = unclaimed["delegations"]
    succinct, roles = delegations.get("succinct_roles"), delegations.get("roles") or []
    if succinct is None:
        bins = Bins(len(roles), BinStyle.EXPLICIT)
    elif type(succinct["bit_length"]) is int and 1 <= succinct["bit_length"] < MOST_BINS.bit_length() and not roles:
        bins = Bins(1 << succinct["bit_length"])
    else:
        raise ProtocolError("Their number is none that there can be, or there are succinct and explicit ones.")
    expected = bins.delegations({}, bins_entry(unclaimed))
    if roles != expected.get("roles", []) or (succinct and succinct != {**succinct, **expected["succinct_roles"]}):
        raise ProtocolError(f"They are not the {bins} that there would be, each prefix once and none missing.")
    return bins


def bins_entry(unclaimed: Json) -> Json:
    """With which keys, and how many of them, all bins of a signed part of `unclaimed` are signed."""
    delegations = unclaimed["delegations"]
    entry = delegations.get("succinct_roles") or delegations["roles"][0]
    return {"keyids": entry["keyids"], "threshold": entry["threshold"]}


def is_bin(role: str) -> bool:
    """Whether a role has the name of a bin, of any number of them."""
    return _BIN.fullmatch(role) is not None
