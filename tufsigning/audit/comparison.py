"""What differs between the index and a copy of it: what was added, changed and removed, and what never may differ."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from indexsite_client.protocol import INDEX_PAGE
from packages import outbox
from tufsigning import log
from tufsigning.audit.ledger import Ledger
from tufsigning.audit.reference import Head, Reference, ReferenceFaultyError, read_reference
from tufsigning.core.findings import Finding

_MALFORMED = (KeyError, TypeError, AttributeError, ValueError)


@dataclass(frozen=True, slots=True)
class Difference:
    """A target that is not the same in the copy: `was` its hash there, `now` its hash here; None where it is not."""

    path: str
    was: str | None
    now: str | None

    @property
    def kind(self) -> str:
        """What became of it since the copy was made."""
        return "added" if self.was is None else "removed" if self.now is None else "changed"


def compare_with(path: Path, ledger: Ledger) -> Iterator[Finding | Difference]:
    """Differences, and findings where one is no matter of time; raises ReferenceFaultyError."""
    try:
        for found in read_reference(path, ledger):
            if isinstance(found, Reference):
                yield from _compare_heads(found)
            else:
                yield found
    except _MALFORMED as error:
        raise ReferenceFaultyError(f"{path} cannot be read as a copy of an index: {error!r}.") from error
    for name, was, now in ledger.differences():
        if name.startswith("metadata/") and name.count("/") == 1 and name.endswith(".json"):
            if was and now and name != "metadata/timestamp.json":
                yield Finding("version-rewritten", name, f"The copy has SHA-256 {was}, the index {now}.")
            continue
        if was and now and not name.endswith(f"/{INDEX_PAGE}"):
            yield Finding("reused-name", name, f"The copy has SHA-256 {was}, the index {now}.")
        yield Difference(name, was, now)


def log_head() -> Head | None:
    """Of the public log, as the database has it."""
    last = next(iter(log.last_entries(1)), None)
    return Head(last.number, last.sha256) if last else None


def _compare_heads(reference: Reference) -> Iterator[Finding]:
    if reference.log is not None:
        entry = next(iter(log.read_entries(after=reference.log.entries - 1, limit=1)), None)
        if entry is None or (entry.number, entry.sha256) != (reference.log.entries, reference.log.sha256):
            what = f"The copy's entry {reference.log.entries} has the hash {reference.log.sha256}."
            yield Finding("log-forked", f"log {reference.log.entries}", what)
    journal = reference.journal
    if journal is not None and journal.entries and outbox.journal_hash(journal.entries) != journal.sha256:
        what = f"The copy's entry {journal.entries} has the hash {journal.sha256}."
        yield Finding("journal-forked", f"journal {journal.entries}", what)
