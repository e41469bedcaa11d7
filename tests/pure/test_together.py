"""Group commit: everybody hears of their own item, however the groups fall."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from packages.together import MOST, Together
from tests.running import eventually


class RefusedError(Exception):
    """Said of one item."""


def test_who_comes_alone_waits_for_nobody() -> None:
    groups: list[list[int]] = []

    def act(items: Sequence[int]) -> list[int]:
        groups.append(list(items))
        return [item * 2 for item in items]

    together = Together(act)
    assert [together(1), together(2)] == [2, 4]
    assert groups == [[1], [2]]


def test_those_who_come_meanwhile_go_together_and_each_hears_of_its_own() -> None:
    groups: list[list[int]] = []
    first_is_at_work, others_have_come = threading.Event(), threading.Event()

    def act(items: Sequence[int]) -> list[int | Exception]:
        groups.append(list(items))
        first_is_at_work.set()
        assert others_have_come.wait(10)
        return [RefusedError(item) if item % 7 == 3 else item * 2 for item in items]

    together = Together(act)
    with ThreadPoolExecutor(MOST + 20) as pool:
        first = pool.submit(together, 0)
        assert first_is_at_work.wait(10)
        others = {item: pool.submit(together, item) for item in range(1, MOST + 11)}
        eventually(lambda: len(together._waiting) == MOST + 10)
        others_have_come.set()
        assert first.result(10) == 0
        for item, future in others.items():
            if item % 7 == 3:
                with pytest.raises(RefusedError, match=str(item)):
                    future.result(10)
            else:
                assert future.result(10) == item * 2
    assert [len(group) for group in groups] == [1, MOST, 10]


def test_what_fails_for_all_is_heard_by_all_and_the_next_group_is_served() -> None:
    begun, failing = threading.Event(), threading.Event()

    def act(items: Sequence[str]) -> list[str]:
        begun.set()
        assert failing.wait(10)
        if "bad" in items:
            raise OSError("the disk is full")
        return list(items)

    together = Together(act)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(together, "good")
        assert begun.wait(10)
        others = [pool.submit(together, item) for item in ("bad", "fine")]
        eventually(lambda: len(together._waiting) == 2)
        failing.set()
        assert first.result(10) == "good"
        for other in others:
            with pytest.raises(OSError, match="disk is full"):
                other.result(10)
        assert together("good") == "good"
