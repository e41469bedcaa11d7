"""The journal's chain over values: each way of changing it is named, by the number of the entry."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from packages.chain import BEGINNING, JournalHead, Sealed, Written, chain_faults, seal

AT = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
Chain = list[Sealed]


def chain(length: int = 6) -> Chain:
    made: Chain = []
    for number in range(1, length + 1):
        written = Written(90 - number, AT, "ann", None, "file.added", "demo", {"filename": f"demo-{number}.zip"})
        made.append(seal(written, made[-1].head if made else JournalHead()))
    return made


def faults(entries: Chain, *, signed: JournalHead | None = None) -> list[str]:
    return list(chain_faults(entries, signed=signed))


def test_the_hash_is_over_the_documented_form() -> None:
    written = Written(
        7, AT.astimezone(timezone(timedelta(hours=2))), "änn", 3, "file.added", "demo", {"b": 1, "a": "x"}
    )
    text = (
        '{"act":"file.added","actor":"änn","at":"2026-01-02T03:04:05.000006Z","details":{"a":"x","b":1},"id":7,'
        f'"number":1,"previous":"{BEGINNING}","project":"demo","token":3}}'
    )
    assert seal(written, JournalHead()).head == JournalHead(1, hashlib.sha256(text.encode()).hexdigest())


def test_a_chain_that_nobody_touched_has_no_fault() -> None:
    whole = chain()
    assert faults([]) == faults(whole) == []
    for number in range(7):
        signed = whole[number - 1].head if number else JournalHead()
        assert faults(whole, signed=signed) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda written: replace(written, id=1),
        lambda written: replace(written, at=AT + timedelta(microseconds=1)),
        lambda written: replace(written, actor="bob"),
        lambda written: replace(written, token=1),
        lambda written: replace(written, act="file.deleted"),
        lambda written: replace(written, project="other"),
        lambda written: replace(written, details={**written.details, "filename": "demo-9.zip"}),
    ],
)
def test_whatever_is_changed_in_an_entry_names_it_alone(change: Callable[[Written], Written]) -> None:
    changed = chain()
    changed[2] = replace(changed[2], written=change(changed[2].written))
    [fault] = faults(changed)
    assert fault.startswith("Entry 3 (")
    assert "is not what was sealed" in fault


def test_an_entry_that_is_missing_is_named() -> None:
    whole = chain()
    assert faults([*whole[:2], *whole[3:]]) == ["Entry 3 is missing."]
    assert faults(whole[3:]) == ["Entries 1 to 3 are missing."]
    assert faults(whole[:4], signed=whole[-1].head) == ["Entries 5 to 6 are missing. The signed snapshot counts 6."]
    assert faults([], signed=whole[0].head) == ["Entry 1 is missing. The signed snapshot counts 1."]


def test_entries_whose_places_were_swapped_are_named() -> None:
    swapped = chain()
    swapped[1], swapped[3] = (
        replace(swapped[1], written=swapped[3].written),
        replace(swapped[3], written=swapped[1].written),
    )
    assert [fault.split(" (")[0] for fault in faults(swapped)] == ["Entry 2", "Entry 4"]


def test_a_change_that_is_hashed_anew_shows_in_the_next_entry_and_one_to_the_end_in_what_was_signed() -> None:
    whole = chain()
    forged = replace(whole[2].written, actor="bob")
    one = [*whole[:2], seal(forged, whole[1].head), *whole[3:]]
    [fault] = faults(one)
    assert fault.startswith("Entry 4 (")
    to_the_end = one[:3]
    for entry in whole[3:]:
        to_the_end.append(seal(entry.written, to_the_end[-1].head))
    assert faults(to_the_end) == []
    [fault] = faults(to_the_end, signed=whole[4].head)
    assert fault.startswith("Entry 5 (")
    assert "was rewritten" in fault
