"""Projects, releases and files; the outbox; the journal. What must never be false is a constraint here."""

from packages.models.projects import REASON, Invitation, Membership, Project, RetentionRule
from packages.models.records import AccountUsage, ChangedProject, Hold, JournalEntry, ListedName, OutboxEntry
from packages.models.releases import File, Release, ReleaseDescription, yank_shown

__all__ = [
    "REASON",
    "AccountUsage",
    "ChangedProject",
    "File",
    "Hold",
    "Invitation",
    "JournalEntry",
    "ListedName",
    "Membership",
    "OutboxEntry",
    "Project",
    "Release",
    "ReleaseDescription",
    "RetentionRule",
    "yank_shown",
]
