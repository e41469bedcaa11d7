"""Following a name in a store that is far away: who waits for a look, and who does not."""

import threading

import pytest

from storage.contract import StorageUnavailableError
from storage.watching import EVERY, FRESH, RemoteWatch
from tests.running import eventually


class Store:
    """What looks see. While `held`, a look does not end."""

    def __init__(self) -> None:
        self.now, self.content, self.looks = 100.0, "one", 0
        self.error: OSError | None = None
        self.open = threading.Event()
        self.open.set()

    def look(self) -> str:
        self.looks += 1
        seen = self.content
        assert self.open.wait(30)
        if self.error is not None:
            raise self.error
        return seen


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def watch(store: Store) -> RemoteWatch:
    return RemoteWatch(store.look, clock=lambda: store.now)


def test_many_questions_cost_one_look_in_its_time(store: Store, watch: RemoteWatch) -> None:
    assert {watch() for _ in range(1000)} == {"one"}
    assert store.looks == 1
    store.now += EVERY
    watch()
    eventually(lambda: store.looks == 2)
    assert {watch() for _ in range(1000)} == {"one"}
    assert store.looks == 2


def test_while_a_look_is_under_way_what_is_known_is_the_answer(store: Store, watch: RemoteWatch) -> None:
    watch()
    store.now, store.content = store.now + EVERY, "two"
    store.open.clear()
    assert watch() == "one"
    store.open.set()
    eventually(lambda: watch() == "two")


def test_after_a_pause_nobody_hears_what_is_old(store: Store, watch: RemoteWatch) -> None:
    watch()
    store.now, store.content = store.now + 2 * FRESH, "two"
    assert watch() == "two"


def test_a_fresh_answer_is_from_a_look_that_began_after_the_question(store: Store, watch: RemoteWatch) -> None:
    watch()
    store.now, store.content = store.now + EVERY / 2, "two"
    assert watch() == "one"
    assert watch(fresh=True) == "two"


def test_a_store_that_fails_leaves_what_is_known_and_keeps_nobody_waiting(store: Store, watch: RemoteWatch) -> None:
    watch()
    store.error = StorageUnavailableError("away")
    store.now += 2 * FRESH
    assert watch() == watch(fresh=True) == "one"
    looks = store.looks
    assert {watch(fresh=True) for _ in range(100)} == {"one"}
    assert store.looks == looks
    store.error, store.content, store.now = None, "two", store.now + EVERY
    eventually(lambda: watch() == "two")


def test_a_look_that_does_not_end_is_waited_for_once(store: Store, watch: RemoteWatch) -> None:
    watch()
    store.open.clear()
    store.now += 2 * FRESH
    assert watch() == "one"  # after its patience
    began = store.looks
    assert {watch() for _ in range(100)} == {"one"}
    assert store.looks == began
    store.open.set()


def test_a_first_look_that_fails_is_told_and_tried_again(store: Store, watch: RemoteWatch) -> None:
    store.error = FileNotFoundError("timestamp.json")
    for _ in range(3):
        with pytest.raises(FileNotFoundError):
            watch()
    assert store.looks == 1
    store.error, store.now = None, store.now + EVERY
    assert watch() == "one"
