"""Journal entries in words, as the end of a sentence that begins with who acted."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from packages.journal import SYSTEM
from packages.models import JournalEntry

_WORDS: Mapping[str, str] = {
    "project.created": "made the project",
    "file.added": "uploaded {filename}",
    "file.imported": "imported {filename}",
    "file.yanked": "yanked {filename}",
    "file.unyanked": "took the yank of {filename} back",
    "file.deleted": "deleted {filename}",
    "file.restored": "brought {filename} back from the published metadata",
    "file.recovered": "brought {filename} back as it was before a break-in",
    "file.taken-away": "took {filename} away after a break-in",
    "file.deletion-restored": "deleted {filename} again, as published",
    "release.yanked": "yanked {version}",
    "release.unyanked": "took the yank of {version} back",
    "release.deleted": "deleted {version} with {files} file(s)",
    "release.reopened": "reopened {version} until {until}",
    "project.archived": "archived the project",
    "project.unarchived": "unarchived the project",
    "project.deprecated": "deprecated the project",
    "project.undeprecated": "took the deprecation back",
    "project.quarantined": "quarantined the project",
    "project.quarantine-lifted": "lifted the quarantine",
    "project.deleted": "deleted the project with {files} file(s)",
    "project.restored": "restored the project’s name",
    "project.status-restored": "brought the status {status} back from the published metadata",
    "member.invited": "invited {user} as {role}",
    "member.invitation-withdrawn": "withdrew the invitation of {user}",
    "member.joined": "joined as {role}, invited by {invited_by}",
    "member.declined": "declined the invitation",
    "member.removed": "removed {user}, who was {role}",
    "member.set-by-hand": "made {user} {role} in the administration",
    "member.removed-by-hand": "removed {user}, who was {role}, in the administration",
    "member.removed-with-account": "deleted the account of {user}, who was {role}",
    "usage.repaired": "counted anew: {files} file(s) of {bytes} bytes, where {had_files} of {had_bytes} were on record",
    "retention.set": "set the retention of pre-releases",
    "retention.cleared": "cleared the retention of pre-releases",
    "publishers.named": "named the publishers whose attestations are taken: {publishers}",
    "publishers.cleared": "named no publishers of its own any more",
}


@dataclass(frozen=True, slots=True)
class JournalLine:
    """An entry for people."""

    at: datetime
    actor: str
    words: str
    reason: str
    token: int | None
    number: int | None


class _Details(dict[str, object]):
    """What an entry lacks is shown as missing."""

    def __missing__(self, key: str) -> str:
        return "?"


def journal_line(entry: JournalEntry) -> JournalLine:
    """The entry in words; of an act that we have none for, its own name."""
    details = _Details(entry.details)
    words = _WORDS.get(entry.act, entry.act).format_map(details)
    if entry.act == "member.removed" and details.get("user") == entry.actor:
        words = f"left, as {details['role']}"
    actor = "Indexsite" if entry.actor == SYSTEM else entry.actor
    return JournalLine(entry.at, actor, words, str(details.get("reason", "")), entry.token, entry.number)
