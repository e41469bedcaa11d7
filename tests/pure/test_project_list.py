"""The list of all projects: what it says after each publication, and how little of a publication it reads for that."""

import gzip
import json
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from indexsite.reading.answers import Answer
from indexsite.reading.project_list import ProjectList
from indexsite_client.protocol import SIMPLE_JSON, project_list_bytes
from indexsite_client.protocol.page import canonical_json
from storage.contract import StorageUnavailableError

HTML = "text/html"


@dataclass
class Publication:
    """One of which it is known what was read."""

    number: int
    bins: Mapping[str, tuple[int, tuple[str, ...]]]
    read: list[str] = field(default_factory=list)
    fails_at: str = ""

    def bin_versions(self) -> Mapping[str, int]:
        return {role: version for role, (version, _) in self.bins.items()}

    def names_in(self, role: str) -> tuple[str, ...]:
        if role == self.fails_at:
            raise StorageUnavailableError("the store is away")
        self.read.append(role)
        return self.bins[role][1]


@dataclass
class SlowPublication(Publication):
    """One whose store keeps everybody waiting until it is told to answer."""

    asked: threading.Event = field(default_factory=threading.Event)
    answers: threading.Event = field(default_factory=threading.Event)

    def names_in(self, role: str) -> tuple[str, ...]:
        self.asked.set()
        assert self.answers.wait(30)
        return super().names_in(role)


FIRST = Publication(1, {"a": (1, ("pear", "fig")), "b": (1, ("apple",)), "c": (1, ())})


def names(answer: Answer) -> list[str]:
    return [each["name"] for each in json.loads(answer.body)["projects"]]


def test_a_publication_costs_the_bins_that_changed() -> None:
    listed = ProjectList("Accept")
    assert names(listed.answer(FIRST, SIMPLE_JSON, gzip=False)) == ["apple", "fig", "pear"]
    second = Publication(2, {**FIRST.bins, "b": (2, ("lemon", "date"))})
    answer = listed.answer(second, SIMPLE_JSON, gzip=False)
    assert names(answer) == ["date", "fig", "lemon", "pear"]
    assert json.loads(answer.body)["meta"]["_last-serial"] == 2
    assert second.read == ["b"]
    assert b"apple" not in listed.answer(second, HTML, gzip=False).body


def test_html_stays_what_it_is_while_no_project_comes_or_goes() -> None:
    listed = ProjectList("Accept")
    before = listed.answer(FIRST, HTML, gzip=True)
    second = Publication(2, {**FIRST.bins, "b": (2, ("apple",))})
    assert listed.answer(second, HTML, gzip=True) is before
    third = Publication(3, {**FIRST.bins, "b": (3, ())})
    after = listed.answer(third, HTML, gzip=True)
    assert after.etag != before.etag
    assert listed.answer(third, HTML, gzip=True) is after


def test_a_thread_that_comes_late_with_an_older_publication_does_not_turn_it_back() -> None:
    listed = ProjectList("Accept")
    listed.answer(Publication(2, {"a": (2, ("new",))}), SIMPLE_JSON, gzip=False)
    assert names(listed.answer(FIRST, SIMPLE_JSON, gzip=False)) == ["new"]


def test_a_store_that_fails_half_way_leaves_the_list_as_it_was() -> None:
    listed = ProjectList("Accept", pause=0.0)
    listed.answer(FIRST, SIMPLE_JSON, gzip=False)
    bins = {"a": (2, ("grape",)), "b": (2, ("banana",)), "c": (1, ())}
    for _ in range(2):
        answer = listed.answer(Publication(2, bins, fails_at="b"), SIMPLE_JSON, gzip=False)
        assert names(answer) == ["apple", "fig", "pear"]
    assert names(listed.answer(Publication(2, bins), SIMPLE_JSON, gzip=False)) == ["banana", "grape"]


def test_a_store_that_fails_is_left_alone_for_a_while() -> None:
    listed = ProjectList("Accept", pause=3600.0)
    listed.answer(FIRST, SIMPLE_JSON, gzip=False)
    broken = Publication(2, {"a": (2, ("grape",)), "b": (2, ("banana",))}, fails_at="b")
    for _ in range(5):
        assert names(listed.answer(broken, SIMPLE_JSON, gzip=False)) == ["apple", "fig", "pear"]
    assert broken.read == ["a"]


def test_without_a_list_of_before_a_store_that_fails_is_an_error() -> None:
    with pytest.raises(StorageUnavailableError):
        ProjectList("Accept").answer(Publication(1, FIRST.bins, fails_at="b"), SIMPLE_JSON, gzip=False)


def test_while_one_reads_a_slow_store_others_get_the_list_of_before() -> None:
    listed, slow = ProjectList("Accept"), SlowPublication(2, {**FIRST.bins, "a": (2, ("grape",))})
    before = listed.answer(FIRST, SIMPLE_JSON, gzip=False)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(listed.answer, slow, SIMPLE_JSON, gzip=False)
        assert slow.asked.wait(10)
        assert listed.answer(FIRST, SIMPLE_JSON, gzip=False) is before
        assert listed.answer(FIRST, HTML, gzip=False).status.startswith("503")
        slow.answers.set()
        assert names(waiting.result()) == ["apple", "grape"]


def test_many_that_come_and_go_at_once_are_in_order_too() -> None:
    listed = ProjectList("Accept")
    crowd = tuple(f"name{number * 7919 % 5000:04}" for number in range(5000))
    listed.answer(Publication(1, {"a": (1, crowd)}), SIMPLE_JSON, gzip=False)
    rest = tuple(name for name in crowd if int(name[4:]) % 3)
    assert names(listed.answer(Publication(2, {"a": (2, rest)}), SIMPLE_JSON, gzip=False)) == sorted(rest)


def test_compressed_it_says_the_same_under_another_etag() -> None:
    listed = ProjectList("Accept")
    plain = listed.answer(Publication(1, {"a": (1, tuple(f"name{n}" for n in range(99)))}), SIMPLE_JSON, gzip=False)
    compressed = listed.answer(FIRST, SIMPLE_JSON, gzip=True)
    assert gzip.decompress(compressed.body) == plain.body
    assert compressed.etag != plain.etag


def test_the_list_is_canonical_json() -> None:
    for found in ([], ["a"], ["a", "a-b", "b0"]):
        expected = {"meta": {"api-version": "1.4", "_last-serial": 7}, "projects": [{"name": each} for each in found]}
        written = project_list_bytes(found, serial=7)
        expected["meta"] = json.loads(written)["meta"]  # whatever the version of the API is
        assert written == canonical_json(expected)
