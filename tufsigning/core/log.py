"""The public log of publications: what an entry says, and what a chain of them must be. Pure (ADR 24).

An entry is one line, canonical JSON (sorted keys, no white space, UTF-8) of an object with its `number`; `at`, when it
was signed; `timestamp` and `snapshot`, each with `version` and `sha256`; `documents`, how many were signed for it;
`journal`, the head of the journal (`entries`, `sha256`), null before there was one; and `previous`: the SHA-256 of
line `number` - 1, without its line end, in hexadecimal, 64 zeros for the first.

All of it stands in the signed documents: the snapshot carries `number`, `previous`, `at` and `documents` of its own
entry in `x-indexsite`. So whoever keeps a timestamp and its snapshot can compute the entry, whatever a database says.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from indexsite_client.protocol import Json
from tufsigning.core.canonical import canonical_bytes, read_object
from tufsigning.core.documents import read_signed

BEGINNING = "0" * 64
_PLACE = ("number", "previous", "at", "documents")


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry: its number, its line, and the hash of it, which is what the next one calls `previous`."""

    number: int
    line: bytes

    @property
    def sha256(self) -> str:
        """Of the line."""
        return hashlib.sha256(self.line).hexdigest()


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with an entry. `code` is one of log-entry-missing, log-entry-changed and log-end-differs."""

    code: str
    number: int
    sentence: str


def next_place(before: Entry | None, *, now: datetime, documents: int) -> Json:
    """What the next snapshot says of its own entry; `before` is that of the publication that clients see."""
    number, previous = (before.number + 1, before.sha256) if before else (1, BEGINNING)
    at = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"number": number, "previous": previous, "at": at, "documents": documents}


def entry_of(timestamp: bytes, *, place: Json | None, journal: Json | None) -> Entry | None:
    """The entry of a publication: `place` and `journal` are those of its snapshot. None for one of before the log."""
    if place is None:
        return None
    signed = read_signed(timestamp)
    snapshot = signed["meta"]["snapshot.json"]
    said = {
        **{name: place[name] for name in _PLACE},
        "timestamp": {"version": signed["version"], "sha256": hashlib.sha256(timestamp).hexdigest()},
        "snapshot": {"version": snapshot["version"], "sha256": snapshot["hashes"]["sha256"]},
        "journal": journal,
    }
    return Entry(place["number"], canonical_bytes(said))


def log_faults(entries: Iterable[Entry], *, signed: Entry | None) -> Iterator[Fault]:
    """What is wrong with a log; `entries` from the newest down, `signed` the one that the signed documents imply.

    That one vouches for the one before it, and so on. What stands before a missing or changed entry is judged by the
    next one that can be: nobody knows what the hash of its predecessor was.
    """
    above, expected = (signed.number + 1, signed.sha256) if signed else (1, None)
    is_ahead = False
    for entry in entries:
        if signed is None or entry.number > signed.number:
            if not is_ahead:
                yield _ahead(entry.number, signed)
            is_ahead = True
            continue
        if entry.number < above - 1:
            yield _missing(entry.number + 1, above - 1)
            expected = None
        if expected not in {None, entry.sha256}:
            yield _changed(entry.number)
            expected = None
        else:
            expected = _previous(entry)
        above = entry.number
    if above > 1:
        yield _missing(1, above - 1)


def _previous(entry: Entry) -> str | None:
    """None where the line is none of ours, which is another's to find."""
    try:
        return str(read_object(entry.line)["previous"])
    except (ValueError, KeyError, TypeError):
        return None


def _ahead(number: int, signed: Entry | None) -> Fault:
    seen = f"that of entry {signed.number}" if signed else "of before the log"
    return Fault("log-end-differs", number, f"The log has entry {number}, but the published timestamp is {seen}.")


def _missing(first: int, last: int) -> Fault:
    which = f"Entry {first} is missing" if first == last else f"Entries {first} to {last} are missing"
    return Fault("log-entry-missing", first, f"{which} from the log.")


def _changed(number: int) -> Fault:
    return Fault("log-entry-changed", number, f"Entry {number} is not what was signed.")
