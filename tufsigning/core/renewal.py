"""Which online roles to sign anew in one go: slices, so that many bins never make a peak."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from tufsigning.core.lifetimes import USUAL, OnlineDays, is_due, lifetime
from tufsigning.core.publication import is_bin

EVERY = timedelta(minutes=10)  # how often the schedule asks
FEWEST = 64  # bins of a slice: fewer would make more publications than they spare work
LATE_SLICE = 512  # bins of a slice while some are late


@dataclass(frozen=True, slots=True)
class Slice:
    """Roles to sign anew in one publication. `is_last`: the rest may wait until the schedule asks again."""

    roles: tuple[str, ...] = ()
    is_last: bool = True


def plan_renewal(
    expiries: Mapping[str, datetime | None], *, now: datetime, online: OnlineDays = USUAL, every: timedelta = EVERY
) -> Slice:
    """The next slice of the online roles of which half the life is over; None as expiry: nobody knows it.

    Snapshot, timestamp and recently-claimed are one document each and go at once. Of the bins, those nearest to their
    end go, as many as it takes to be done with all in a quarter of their life, asked `every` so often. One whose last
    quarter has begun is late, as after days without a worker: then slices are larger, and follow each other until
    none is late.
    """
    due = [
        role
        for role, expires in expiries.items()
        if expires is None or is_due(role, expires=expires, now=now, online=online)
    ]
    bins = sorted((role for role in due if is_bin(role)), key=lambda role: (_end(expiries[role], now), role))
    others = [role for role in due if not is_bin(role)]
    if not bins:
        return Slice(tuple(others))
    quarter = lifetime(bins[0], online) / 4
    late = sum(_end(expiries[role], now) - now <= quarter for role in bins)
    if late:
        return Slice((*others, *bins[:LATE_SLICE]), is_last=late <= LATE_SLICE)
    count = sum(is_bin(role) for role in expiries)
    return Slice((*others, *bins[: max(FEWEST, ceil(count * (every / quarter)))]))


def _end(expires: datetime | None, now: datetime) -> datetime:
    return now if expires is None else expires
