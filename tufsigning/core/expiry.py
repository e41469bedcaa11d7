"""Which roles near their end and need people: announced 60, 30, 14 and 7 days before, and once it has come."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

STEPS = (60, 30, 14, 7, 0)  # days before the end; at 0 it has come
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ExpiryWarning:
    """A role within `step` days of its end, or past it where that is 0."""

    role: str
    expires: datetime
    step: int
    left: timedelta

    @property
    def is_over(self) -> bool:
        return self.step == 0

    @property
    def sentence(self) -> str:
        """What happens and what to do, for people."""
        when = f"{self.expires:%Y-%m-%d %H:%M} UTC"
        if self.is_over:
            return (
                f"The role {self.role} expired at {when}. Plain installs go on; clients that verify refuse this index"
                " until its key holders have signed a new version and tuf_import has taken it."
            )
        days = self.left // _DAY
        last = f"in {days} {'day' if days == 1 else 'days'}" if days else "within a day"
        return (
            f"The role {self.role} expires {last}, at {when}. Its key holders must sign a new version before, which"
            " tuf_import takes; afterwards clients that verify refuse this index."
        )


def warnings(expiries: Mapping[str, datetime], now: datetime) -> tuple[ExpiryWarning, ...]:
    """The roles near their end, the nearest first, each with the last of STEPS that it has reached.

    Give the roles that people must renew; what the server renews by itself needs nobody.
    """
    found = []
    for role, expires in expiries.items():
        left = expires - now
        reached = [step for step in STEPS if left <= step * _DAY]
        if reached:
            found.append(ExpiryWarning(role, expires, reached[-1], left))
    return tuple(sorted(found, key=lambda each: (each.expires, each.role)))
