"""Which online roles are to be renewed now: what rows say of their ends, and settings of their lives."""

from datetime import datetime

from django.conf import settings

from indexsite_client.protocol import RECENTLY_CLAIMED, SNAPSHOT, TIMESTAMP
from tufsigning.core.lifetimes import OnlineDays
from tufsigning.core.publication import Current
from tufsigning.core.renewal import Slice, plan_renewal
from tufsigning.models import RoleHead


def due_roles(current: Current, *, now: datetime) -> Slice:
    """The next slice of them."""
    known = dict(RoleHead.objects.values_list("role", "expires_at"))
    expiries = {role: known.get(role) for role in (*current.bins.names(), RECENTLY_CLAIMED, SNAPSHOT, TIMESTAMP)}
    return plan_renewal(expiries, now=now, online=online_days())


def online_days() -> OnlineDays:
    """For how many days online roles are signed."""
    return OnlineDays(snapshot=settings.SNAPSHOT_DAYS, bins=settings.BIN_DAYS)
