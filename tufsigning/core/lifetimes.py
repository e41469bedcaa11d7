"""How long each role's documents live, and when they are renewed (DESIGN section 4)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from indexsite_client.protocol import (
    BIN_PREFIX,
    CLAIMED,
    OFFLINE_ROLES,
    ONLINE_DAYS,
    RECENTLY_CLAIMED,
    SNAPSHOT,
    TARGETS,
    UNCLAIMED,
)

_DAYS = {**ONLINE_DAYS, **{role: offline.days for role, offline in OFFLINE_ROLES.items()}}
OFFLINE = (TARGETS, CLAIMED, UNCLAIMED)  # and root


@dataclass(frozen=True, slots=True)
class OnlineDays:
    """For how many days a snapshot, and a bin or recently-claimed, is valid once signed. PEP 458 has one day."""

    snapshot: int = ONLINE_DAYS[SNAPSHOT]
    bins: int = ONLINE_DAYS[BIN_PREFIX]


USUAL = OnlineDays()


def lifetime(role: str, online: OnlineDays = USUAL) -> timedelta:
    """How long a document of this role is valid once signed."""
    if role == SNAPSHOT:
        return timedelta(days=online.snapshot)
    is_below = role == RECENTLY_CLAIMED or role.startswith(f"{BIN_PREFIX}-")
    return timedelta(days=online.bins if is_below else _DAYS[role])


def is_due(role: str, *, expires: datetime, now: datetime, online: OnlineDays = USUAL) -> bool:
    """Whether half of the role's life is over, which is when it is renewed."""
    return expires - now <= lifetime(role, online) / 2
