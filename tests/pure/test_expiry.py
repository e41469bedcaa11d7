"""Warnings of roles that near their end: one step after the other, and none too early."""

from datetime import UTC, datetime, timedelta

import pytest

from tufsigning.core.expiry import STEPS, warnings

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize("step", STEPS)
def test_a_step_begins_with_its_second_and_not_before(step: int) -> None:
    expires = NOW + timedelta(days=step)
    [reached] = warnings({"root": expires}, NOW)
    assert (reached.role, reached.expires, reached.step) == ("root", expires, step)
    before = [each.step for each in warnings({"root": expires}, NOW - SECOND)]
    assert before == {60: [], 30: [60], 14: [30], 7: [14], 0: [7]}[step]


def test_the_nearest_end_comes_first_and_what_has_time_is_left_out() -> None:
    days = {"root": 365, "targets": 61, "unclaimed": 20, "claimed": -3}
    found = warnings({role: NOW + timedelta(days=left) for role, left in days.items()}, NOW)
    assert [(each.role, each.step, each.is_over) for each in found] == [("claimed", 0, True), ("unclaimed", 30, False)]


def test_the_sentence_says_when_and_what_to_do() -> None:
    def said(left: timedelta) -> str:
        return warnings({"root": NOW + left}, NOW)[0].sentence

    assert said(timedelta(days=13, hours=5)).startswith("The role root expires in 13 days, at 2026-01-14 17:00 UTC.")
    assert "in 1 day," in said(timedelta(days=1, hours=2))
    assert "within a day," in said(timedelta(hours=2))
    assert said(-timedelta(days=2)).startswith("The role root expired at 2025-12-30 12:00 UTC. Plain installs go on;")
    assert all("tuf_import" in said(timedelta(days=days)) for days in (-1, 5))
