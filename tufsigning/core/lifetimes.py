"""How long each role's documents live, and when they are renewed (DESIGN section 4)."""

from datetime import datetime, timedelta

from indexsite_client.protocol import BIN_PREFIX, CLAIMED, RECENTLY_CLAIMED, UNCLAIMED
from tufsigning.core.documents import ROOT, SNAPSHOT, TARGETS, TIMESTAMP

_DAYS = {ROOT: 365, TARGETS: 365, CLAIMED: 90, UNCLAIMED: 365, RECENTLY_CLAIMED: 7, SNAPSHOT: 7, TIMESTAMP: 1}
_BIN_DAYS = 7
OFFLINE = (TARGETS, CLAIMED, UNCLAIMED)  # and root


def lifetime(role: str) -> timedelta:
    """How long a document of this role is valid once signed."""
    return timedelta(days=_BIN_DAYS if role.startswith(f"{BIN_PREFIX}-") else _DAYS[role])


def is_due(role: str, *, expires: datetime, now: datetime) -> bool:
    """Whether half of the role's life is over, which is when it is renewed."""
    return expires - now <= lifetime(role) / 2
