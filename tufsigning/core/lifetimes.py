"""How long each role's documents live, and when they are renewed (DESIGN section 4)."""

from datetime import datetime, timedelta

from indexsite_client.protocol import BIN_PREFIX, CLAIMED, OFFLINE_ROLES, ONLINE_DAYS, TARGETS, UNCLAIMED

_DAYS = {**ONLINE_DAYS, **{role: offline.days for role, offline in OFFLINE_ROLES.items()}}
OFFLINE = (TARGETS, CLAIMED, UNCLAIMED)  # and root


def lifetime(role: str) -> timedelta:
    """How long a document of this role is valid once signed."""
    return timedelta(days=_DAYS[BIN_PREFIX if role.startswith(f"{BIN_PREFIX}-") else role])


def is_due(role: str, *, expires: datetime, now: datetime) -> bool:
    """Whether half of the role's life is over, which is when it is renewed."""
    return expires - now <= lifetime(role) / 2
