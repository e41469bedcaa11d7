"""What the index keeps beside the projects: the outbox, the journal, the use of accounts, decisions on names."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from packages.models.projects import Project


class AccountUsage(models.Model):
    """How much an account has uploaded that is still here, and how much it may."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="usage")
    stored_bytes = models.PositiveBigIntegerField(default=0)
    quota = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="bytes; empty as the settings say, 0 without limit"
    )

    def __str__(self) -> str:
        return f"{self.user} uses {self.stored_bytes} bytes"


class ListedName(models.Model):
    """A name about which an administrator has decided whether a new project may have it."""

    class Verdict(models.TextChoices):
        PROHIBITED = "prohibited"
        ALLOWED = "allowed"  # though it is the standard library's, or looks like another project's

    name = models.CharField(max_length=200, unique=True, help_text="in any spelling; it is normalized")
    verdict = models.CharField(max_length=10, choices=Verdict.choices, default=Verdict.PROHIBITED)
    reason = models.CharField(max_length=200, blank=True, help_text="shown to those who are refused")

    def __str__(self) -> str:
        return f"{self.name} is {self.verdict}"


class Hold(models.Model):
    """The one row that makes the index read-only, for as long as it is there: a recovery is under way, for instance."""

    reason = models.CharField(max_length=500, help_text="shown to those who are refused")

    class Meta:
        constraints = [models.CheckConstraint(name="hold_is_one", condition=Q(id=1))]

    def __str__(self) -> str:
        return self.reason


class OutboxEntry(models.Model):
    """A project whose signed documents no longer say what the index holds. The row is the message."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(name="outbox_waiting", fields=["id"], condition=Q(settled_at=None))]

    def __str__(self) -> str:
        return f"{self.project} {'settled' if self.settled_at else 'waiting'}"


class JournalEntry(models.Model):
    """Something that somebody did. Entries are added, never changed: the database itself refuses it (ADR 13).

    `number` and `sha256`, its place in the chain, come once, when it is sealed.
    """

    at = models.DateTimeField()
    actor = models.CharField(max_length=150, help_text="user name, or the part of Indexsite that acted by itself")
    token = models.BigIntegerField(null=True, help_text="the API token that was used")
    act = models.CharField(max_length=40)
    project = models.CharField(max_length=200, blank=True)
    details = models.JSONField(default=dict)
    number = models.BigIntegerField(null=True, unique=True, help_text="1 for the first; none until it is sealed")
    sha256 = models.CharField(max_length=64, blank=True, help_text="of this entry and the hash of the one before")

    class Meta:
        indexes = [
            models.Index(name="journal_project", fields=["project", "id"]),
            models.Index(name="journal_unsealed", fields=["id"], condition=Q(number=None)),
        ]
        verbose_name_plural = "journal entries"

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.actor} {self.act} {self.project}"


class ChangedProject(models.Model):
    """A project of which something else is published or described than the search index has read: a wish to be read.

    `times` begins with the clock and grows with each change, so that whoever has read it knows whether it changed again
    meanwhile, even if another reader removed the row and a further change wrote it anew.
    """

    project = models.OneToOneField(Project, on_delete=models.CASCADE, primary_key=True, related_name="+")
    times = models.PositiveBigIntegerField(default=1)

    def __str__(self) -> str:
        return f"{self.project} changed"
