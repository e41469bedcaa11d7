"""The journal's hash chain: what is hashed of an entry, and what a chain must be. Pure (ADR 13).

The hash of an entry is SHA-256 over the canonical JSON (sorted keys, no white space, UTF-8) of an object with its
`number`, `id`, `at` (RFC 3339, UTC, microseconds), `actor`, `token`, `act`, `project`, `details`, and `previous`: the
hash of entry `number` - 1 in hexadecimal, 64 zeros for the first.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from indexsite_client.protocol import Json, canonical_json

BEGINNING = "0" * 64


@dataclass(frozen=True, slots=True)
class JournalHead:
    """How many entries are sealed, and the hash of the last one."""

    entries: int = 0
    sha256: str = BEGINNING


@dataclass(frozen=True, slots=True)
class Written:
    """An entry as it was written."""

    id: int
    at: datetime
    actor: str
    token: int | None
    act: str
    project: str
    details: Json

    def __str__(self) -> str:
        return f"{rfc3339(self.at)} {self.actor} {self.act} {self.project}".rstrip()


@dataclass(frozen=True, slots=True)
class Sealed:
    """An entry and its place in the chain."""

    written: Written
    head: JournalHead


def seal(written: Written, after: JournalHead) -> Sealed:
    """The entry as the next one of a chain."""
    number = after.entries + 1
    said = {
        "number": number,
        "id": written.id,
        "at": rfc3339(written.at),
        "actor": written.actor,
        "token": written.token,
        "act": written.act,
        "project": written.project,
        "details": written.details,
        "previous": after.sha256,
    }
    return Sealed(written, JournalHead(number, hashlib.sha256(canonical_json(said)).hexdigest()))


def chain_faults(entries: Iterable[Sealed], *, signed: JournalHead | None) -> Iterator[str]:
    """A sentence for each entry that is not what was sealed, or missing; `entries` by number.

    `signed` is what a signed snapshot says of the chain: it shows a missing end, and a chain that was made anew.
    """
    last: JournalHead | None = JournalHead()  # None after one that is missing: what follows hangs in the air
    number = 0
    for entry in entries:
        if entry.head.entries > number + 1:
            yield _missing(number + 1, entry.head.entries - 1)
            last = None
        number = entry.head.entries
        if last is not None and seal(entry.written, last).head != entry.head:
            yield (
                f"Entry {number} ({entry.written}) is not what was sealed: it was changed, or the one before it was"
                " rewritten together with its hash."
            )
        if signed is not None and signed.entries == number and signed.sha256 != entry.head.sha256:
            yield f"Entry {number} ({entry.written}) is not the one that was signed: the chain was rewritten."
        last = entry.head
    if signed is not None and signed.entries > number:
        yield f"{_missing(number + 1, signed.entries)} The signed snapshot counts {signed.entries}."


def rfc3339(moment: datetime) -> str:
    """In UTC with microseconds, as PEP 700 wants it too."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _missing(first: int, last: int) -> str:
    return f"Entry {first} is missing." if first == last else f"Entries {first} to {last} are missing."
