"""Counting downloads in memory: nothing lost while the database is away, and memory bounded."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from downloads import counter
from downloads.counter import Counts, DownloadCounter
from tests.running import eventually


class Kept:
    """A database that may be away."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.left = 10**9  # batches that it takes before it goes away

    def __call__(self, counts: Counts) -> None:
        if self.left <= 0:
            raise ConnectionError("away")
        self.left -= 1
        for (filename, _), count in counts.items():
            self.counts[filename] += count


def counting(kept: Kept) -> DownloadCounter:
    return DownloadCounter(kept, away=(ConnectionError,))


def test_many_threads_count_exactly() -> None:
    kept = Kept()
    downloads = counting(kept)
    names = [f"file{number % 700}" for number in range(56_000)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(downloads.note, names))
    downloads.hand_on()
    assert sum(kept.counts.values()) == 56_000
    assert set(kept.counts.values()) == {80}


def test_what_cannot_be_written_down_stays_and_what_was_is_not_counted_again() -> None:
    kept = Kept()
    downloads = counting(kept)
    for number in range(1000):
        downloads.note(f"file{number}")
    kept.left = 2  # and away in the middle
    downloads.hand_on()
    assert 0 < sum(kept.counts.values()) < 1000
    downloads.note("file0")
    downloads.hand_on()
    kept.left = 10**9
    downloads.hand_on()
    downloads.hand_on()
    assert sum(kept.counts.values()) == 1001
    assert kept.counts["file0"] == 2


def test_whatever_keeping_raises_nothing_is_lost_and_counting_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    kept, faults = Kept(), [ValueError("unexpected")]

    def keep(counts: Counts) -> None:
        if faults:
            raise faults.pop()
        kept(counts)

    downloads = DownloadCounter(keep, away=(ConnectionError,))
    for number in range(counter.FULL):  # so many that its thread does not wait for the next batch
        downloads.note(f"file{number}")
    eventually(lambda: len(kept.counts) == counter.FULL, what="the second attempt")
    assert "not expected" in caplog.text
    assert sum(kept.counts.values()) == counter.FULL


def test_memory_is_bounded_and_what_was_not_counted_is_said(caplog: pytest.LogCaptureFixture) -> None:
    kept = Kept()
    kept.left = 0
    downloads = counting(kept)
    for number in range(counter.MOST + 10):
        downloads.note(f"file{number}")
    kept.left = 10**9
    downloads.hand_on()
    downloads.hand_on()
    assert len(kept.counts) == counter.MOST
    assert "10 downloads were not counted" in caplog.text
