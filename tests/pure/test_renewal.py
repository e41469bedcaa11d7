"""Renewal in slices, in simulated weeks: never a peak, and nothing ever expires."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from indexsite_client.protocol import Bins
from tufsigning.core.lifetimes import OnlineDays, lifetime
from tufsigning.core.renewal import FEWEST, LATE_SLICE, plan_renewal

START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
ALONE = {"timestamp", "snapshot", "recently-claimed"}
HOUR = timedelta(hours=1)  # asked so often here, or the simulation would take as long as it is


class Weeks:
    """An index whose roles were all signed in the same second, and a clock."""

    def __init__(self, bit_length: int, online: OnlineDays) -> None:
        self.online, self.now = online, START
        self.expiries: dict[str, datetime | None] = {}
        self.sign([*ALONE, *Bins(1 << bit_length).names()])
        self.loads: list[int] = []  # bins of each run of the schedule
        self.publications: list[int] = []  # bins of each slice

    def sign(self, roles: list[str]) -> None:
        self.expiries |= {role: self.now + lifetime(role, self.online) for role in roles}

    def run(self) -> None:
        """What the schedule does once."""
        bins = 0
        while True:
            piece = plan_renewal(self.expiries, now=self.now, online=self.online, every=HOUR)
            if piece.roles:
                self.sign([*piece.roles, "snapshot", "timestamp"])
                self.publications.append(len(set(piece.roles) - ALONE))
                bins += self.publications[-1]
            if piece.is_last:
                break
        self.loads.append(bins)

    def pass_days(self, days: float, *, uploads: int = 0) -> float:
        """Let time pass; returns the smallest part of its life that any bin had left."""
        smallest, chance = 1.0, random.Random(7)
        names = [role for role in self.expiries if role not in ALONE]
        life = lifetime(names[0], self.online)
        for _ in range(int(timedelta(days=days) / HOUR)):
            self.now += HOUR
            soonest = min(end for end in self.expiries.values() if end is not None)
            assert soonest > self.now, "a role expired"
            smallest = min(smallest, (min(filter(None, map(self.expiries.get, names))) - self.now) / life)
            self.run()
            if uploads:
                self.sign(chance.sample(names, uploads))
        return smallest


@pytest.mark.parametrize(("bit_length", "days", "most"), [(11, 7, FEWEST), (10, 1, 171), (8, 7, FEWEST), (1, 7, 2)])
@pytest.mark.parametrize("uploads", [0, 2])
def test_weeks_pass_without_a_peak_and_nothing_expires(bit_length: int, days: int, most: int, uploads: int) -> None:
    weeks = Weeks(bit_length, OnlineDays(days, days))
    smallest = weeks.pass_days(2 * days, uploads=uploads)
    assert max(weeks.loads) == most or (uploads and max(weeks.loads) < most)  # uploads renew, too
    assert smallest > 0.24  # a quarter of their life is left for days without a worker
    assert sum(weeks.loads) <= 2**bit_length * 4.1  # each is signed at half its life, and not oftener


def test_an_idle_index_publishes_no_oftener_than_it_must() -> None:
    weeks = Weeks(8, OnlineDays())
    weeks.pass_days(14)
    assert len(weeks.publications) < 14 * 2 + 5 * 4  # the timestamp twice a day, the bins in four slices


@pytest.mark.parametrize("days_off", [2, 4.5, 6, 30])
def test_after_an_absence_all_that_is_late_is_done_at_once_in_slices(days_off: float) -> None:
    weeks = Weeks(12, OnlineDays())
    weeks.pass_days(4)
    weeks.now += timedelta(days=days_off)
    weeks.publications.clear()
    weeks.run()
    assert max(weeks.publications) <= LATE_SLICE
    quarter = lifetime("bin-0") / 4
    late = [role for role, end in weeks.expiries.items() if role not in ALONE and end and end - weeks.now <= quarter]
    assert not late
    weeks.pass_days(3)


def test_those_nearest_to_their_end_go_first() -> None:
    expiries: dict[str, datetime | None] = {
        role: START + timedelta(hours=60, minutes=number) for number, role in enumerate(reversed(Bins(256).names()))
    }
    expiries["bin-77"] = None  # as after a restored database
    piece = plan_renewal(expiries, now=START)
    assert piece.roles[:3] == ("bin-77", "bin-ff", "bin-fe")
    assert not set(plan_renewal(dict(expiries, **{"bin-77": START + lifetime("bin-77")}), now=START).roles) & {"bin-77"}


def test_what_is_one_document_goes_at_once_and_only_when_it_is_due() -> None:
    lives = {role: lifetime(role) for role in ALONE}
    assert plan_renewal({role: START + life / 2 for role, life in lives.items()}, now=START).roles == tuple(lives)
    later = {role: START + life / 2 + timedelta(seconds=1) for role, life in lives.items()}
    assert plan_renewal(later, now=START).roles == ()


@pytest.mark.parametrize(("days", "slices"), [(7, 66), (1, 456)])
def test_the_slices_of_16384_bins_that_were_signed_in_one_second(days: int, slices: int) -> None:
    online = OnlineDays(days, days)
    piece = plan_renewal(
        dict.fromkeys(Bins(16_384).names(), START + timedelta(days=days) / 2), now=START, online=online
    )
    assert len(piece.roles) == slices
    assert piece.is_last
