"""Copies of a ceremony become one again: keys and signatures that people made apart. Nothing is written by halves."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from indexsite_client.ceremony.documents import Document, who_signed
from indexsite_client.ceremony.errors import CopiesDifferError
from indexsite_client.ceremony.folder import Ceremony, Folder
from indexsite_client.ceremony.keys import KeyRecord, check_distinct
from indexsite_client.ceremony.plan import Plan
from indexsite_client.ceremony.signing import requirements
from indexsite_client.protocol import OFFLINE_ROLES


@dataclass(slots=True)
class Merged:
    """What the folder gains, and what people should know of it."""

    records: dict[str, KeyRecord]
    drafts: dict[str, Document]
    notes: list[str] = field(default_factory=list)


def merge(folder: Folder, others: Sequence[Folder]) -> list[str]:
    """Take over what the copies have more; raises CopiesDifferError, or what is wrong with a copy, and changes nothing.

    Returns what happened, in words.
    """
    ours = folder.load()
    merged = Merged(dict(ours.records), dict(ours.drafts))
    for other in others:
        _Copy(other, other.load(), ours, merged).take()
    check_distinct(merged.records.values())
    _check_signatures(Ceremony(ours.plan, merged.records, ours.published, merged.drafts))
    for holder, record in merged.records.items():
        if ours.records.get(holder) != record:
            folder.write_record(record)
            merged.notes.append(f"Took the key of {holder}.")
    for role, document in merged.drafts.items():
        if ours.drafts.get(role) != document:
            folder.write_draft(document)
            merged.notes.append(f"{document.filename} has {len(document.signatures)} signatures now.")
    return merged.notes


@dataclass(frozen=True, slots=True)
class _Copy:
    """One copy, and the rest of the merge."""

    folder: Folder
    theirs: Ceremony
    ours: Ceremony
    merged: Merged

    def take(self) -> None:
        if difference := _first_difference(self.ours.plan, self.theirs.plan):
            raise CopiesDifferError(f"{self.folder.path} has {difference}; merge copies of one ceremony only.")
        for record in self.theirs.records.values():
            self._take_record(record)
        for role in OFFLINE_ROLES:
            for document in self.theirs.published.get(role, ()):
                self._take_document(document, is_complete=True)
            if draft := self.theirs.drafts.get(role):
                self._take_document(draft, is_complete=False)

    def _take_record(self, record: KeyRecord) -> None:
        known = self.merged.records.get(record.holder)
        if known is None or known.current in record.former:
            self.merged.records[record.holder] = record
        elif known.current != record.current and record.current not in known.former:
            raise CopiesDifferError(
                f"{self.folder.path} has another key of {record.holder}: {record.current.keyid[:8]}, not"
                f" {known.current.keyid[:8]}. Ask {record.holder} which is the right one."
            )

    def _take_document(self, document: Document, *, is_complete: bool) -> None:
        """A document that is complete elsewhere comes as it is: with other signatures it would be another file."""
        role, newest = document.role, self.ours.newest(document.role)
        published = next((each for each in self.ours.published.get(role, ()) if each.version == document.version), None)
        known = published or self.merged.drafts.get(role)
        number = newest.version if newest else 0
        if known is not None and known.version == document.version:
            if known.payload != document.payload:
                raise CopiesDifferError(
                    f"{document.filename} says something else in {self.folder.path} than here (sha256 of the signed"
                    f" part {document.payload_sha256}, here {known.payload_sha256}); only one of them can be signed."
                )
            if published is None:
                self.merged.drafts[role] = document if is_complete else _with_signatures(known, document)
            elif is_complete and published.content != document.content:
                self.merged.notes.append(
                    f"{document.filename} is complete in both copies, with other signatures: here sha256"
                    f" {published.sha256}, in {self.folder.path} {document.sha256}. Give only one of them to the index."
                )
        elif document.version == number + 1:
            self.merged.drafts[role] = document
        elif document.version > number:
            raise CopiesDifferError(
                f"{self.folder.path} has {document.filename}, but here {role} is at version {number}; go on in the"
                " copy that is further, and merge this one into it."
            )
        elif newest is not None and self.ours.published[role][0].version <= document.version:
            raise CopiesDifferError(f"{self.folder.path} has {document.filename}, which is missing here.")


def _with_signatures(known: Document, more: Document) -> Document:
    for signature in more.signatures:
        if signature not in known.signatures:
            known = known.with_signature(signature)
    return known


def _check_signatures(ceremony: Ceremony) -> None:
    """Each signature is a good one of a key that is asked for: a bad one would take the place of a good one."""
    for document in ceremony.drafts.values():
        good: set[str] = set()
        for each in requirements(ceremony, document):
            good |= who_signed(document, each.keys)
        for signature in document.signatures:
            if signature["keyid"] not in good:
                raise CopiesDifferError(
                    f"{document.filename} bears a signature by {ceremony.name(str(signature['keyid']))} that is not"
                    " good, or that nobody asks for; take the file from a copy without it."
                )


def _first_difference(ours: Plan, theirs: Plan) -> str:
    if ours.index_id != theirs.index_id:
        return f"the index {theirs.index_id}, not {ours.index_id}"
    if ours.bins != theirs.bins:
        return f"{theirs.bins}, not {ours.bins}"
    if ours.names != theirs.names:
        return "another answer to whether root names its key holders"
    for role, planned in ours.roles.items():
        if theirs.roles[role] != planned:
            return f"other holders, threshold or days for {role}"
    return ""
