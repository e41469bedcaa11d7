"""The public log's chain over values: each kind of damage is named once, at the right entry, and nothing else is."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from indexsite_client.protocol import Json, canonical_json
from tufsigning.core.log import BEGINNING, Entry, entry_of, log_faults, next_place

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
HEAD: Json = {"entries": 3, "sha256": "a" * 64}


def timestamp(version: int) -> bytes:
    snapshot = {"version": version, "length": 9, "hashes": {"sha256": hashlib.sha256(b"%d" % version).hexdigest()}}
    return canonical_json({"signed": {"version": version, "meta": {"snapshot.json": snapshot}}, "signatures": []})


def chain(length: int) -> list[Entry]:
    entries: list[Entry] = []
    for number in range(1, length + 1):
        before = entries[-1] if entries else None
        place = next_place(before, now=NOW + timedelta(seconds=number), documents=4)
        entry = entry_of(timestamp(100 + number), place=place, journal=HEAD)
        assert entry is not None
        entries.append(entry)
    return entries


def changed(entry: Entry, old: bytes, new: bytes) -> Entry:
    assert old in entry.line
    return Entry(entry.number, entry.line.replace(old, new))


def found(entries: list[Entry], signed: Entry | None) -> list[tuple[str, int]]:
    return [(fault.code, fault.number) for fault in log_faults(reversed(entries), signed=signed)]


def test_an_entry_is_canonical_json_that_says_what_was_published() -> None:
    first, second = chain(2)
    assert first.line == canonical_json(
        {
            "number": 1,
            "at": "2026-01-01T12:00:01Z",
            "timestamp": {"version": 101, "sha256": hashlib.sha256(timestamp(101)).hexdigest()},
            "snapshot": {"version": 101, "sha256": hashlib.sha256(b"101").hexdigest()},
            "documents": 4,
            "journal": HEAD,
            "previous": BEGINNING,
        }
    )
    assert f'"previous":"{hashlib.sha256(first.line).hexdigest()}"'.encode() in second.line


def test_a_publication_of_before_the_log_has_no_entry() -> None:
    assert entry_of(timestamp(1), place=None, journal=HEAD) is None
    assert next_place(None, now=NOW, documents=1)["number"] == 1


def test_a_whole_log_has_no_faults() -> None:
    entries = chain(5)
    assert found(entries, entries[-1]) == []
    assert found([], None) == []


@pytest.mark.parametrize("number", [1, 3, 5])
@pytest.mark.parametrize("old", [b'"documents":4', b'"previous":"', b'"version":10'])
def test_a_changed_entry_is_named_and_no_other(number: int, old: bytes) -> None:
    entries = chain(5)
    signed = entries[-1]
    entries[number - 1] = changed(entries[number - 1], old, old + b"9")
    assert found(entries, signed) == [("log-entry-changed", number)]


def test_an_entry_that_is_no_json_is_named_and_no_other() -> None:
    entries = chain(3)
    entries[1] = Entry(2, b"nothing")
    assert found(entries, entries[-1]) == [("log-entry-changed", 2)]


@pytest.mark.parametrize("number", [1, 3, 5])
def test_a_missing_entry_is_named_and_no_other(number: int) -> None:
    entries = chain(5)
    signed = entries.pop(number - 1) if number == 5 else entries[-1]
    assert found([entry for entry in entries if entry.number != number], signed) == [("log-entry-missing", number)]


def test_all_missing_is_one_fault() -> None:
    assert found([], chain(5)[-1]) == [("log-entry-missing", 1)]


def test_a_log_that_was_made_anew_differs_from_what_is_signed() -> None:
    entries = chain(5)
    anew = chain(2)
    place = next_place(changed(anew[1], b'"documents":4', b'"documents":5'), now=NOW, documents=4)
    forged = entry_of(timestamp(103), place=place, journal=HEAD)
    assert forged is not None
    assert found([*anew, forged, *entries[3:]], entries[-1]) == [("log-entry-changed", 3)]


def test_entries_beyond_the_published_timestamp_are_named() -> None:
    entries = chain(5)
    assert found(entries, entries[2]) == [("log-end-differs", 5)]
    assert found(entries[:1], None) == [("log-end-differs", 1)]
