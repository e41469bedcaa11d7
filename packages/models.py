"""Projects, releases and files; the outbox; the journal. What must never be false is a constraint here."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

HEX = r"^[0-9a-f]{64}$"


class Project(models.Model):
    """A project. `name` is the normalized name, `display_name` as its first upload spelt it."""

    name = models.CharField(max_length=200, unique=True)
    display_name = models.CharField(max_length=200)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="project_name_is_normalized", condition=Q(name__regex=r"^[a-z0-9]+(-[a-z0-9]+)*$")
            )
        ]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """What a user may do with a project."""

    class Role(models.TextChoices):
        OWNER = "owner"
        MAINTAINER = "maintainer"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices)

    class Meta:
        constraints = [models.UniqueConstraint(name="membership_is_one", fields=["project", "user"])]

    def __str__(self) -> str:
        return f"{self.user} is {self.role} of {self.project}"


class Release(models.Model):
    """A version of a project, in the normal form of the version specifiers' specification."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="releases")
    version = models.CharField(max_length=200)
    created_at = models.DateTimeField()
    describe_at = models.DateTimeField(
        null=True, default=timezone.now, help_text="when to describe it, once published; empty when that is settled"
    )
    describe_tries = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(name="release_is_one", fields=["project", "version"])]
        indexes = [models.Index(name="release_undescribed", fields=["describe_at"], condition=~Q(describe_at=None))]

    def __str__(self) -> str:
        return f"{self.project} {self.version}"


class ReleaseDescription(models.Model):
    """What a release says of itself, read from the metadata of its first file after its publication."""

    release = models.OneToOneField(Release, on_delete=models.CASCADE, related_name="description")
    metadata = models.JSONField(default=dict, help_text="the core metadata but for the description")
    text = models.TextField(blank=True, help_text="the description as it was written")
    html = models.TextField(blank=True, help_text="the description rendered and sanitised")
    fault = models.CharField(max_length=200, blank=True, help_text="why it is missing, or not rendered as it asks for")
    described_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.release}: {self.fault or 'described'}"


class File(models.Model):
    """A distribution file. Its bytes never change; its state only moves forward."""

    class State(models.TextChoices):
        WAITING = "waiting"  # stored, not in signed metadata yet
        PUBLISHED = "published"  # in signed metadata, listed on /simple/

    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="files")
    filename = models.CharField(max_length=255, unique=True)
    sha256 = models.CharField(max_length=64)
    size = models.PositiveBigIntegerField(help_text="bytes")
    requires_python = models.CharField(max_length=500, blank=True)
    metadata_sha256 = models.CharField(
        max_length=64, blank=True, help_text="of METADATA or PKG-INFO as a blob; empty for sdists of long ago"
    )
    metadata_is_static = models.BooleanField(
        default=False, help_text="installers may rely on it: it is served beside the file (PEP 643, 658)"
    )
    summary = models.CharField(max_length=512, blank=True)
    uploaded_at = models.DateTimeField()
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    state = models.CharField(max_length=9, choices=State.choices, default=State.WAITING)
    voucher = models.CharField(max_length=220, blank=True, help_text="the TUF role that vouches; empty while waiting")

    class Meta:
        constraints = [
            models.CheckConstraint(name="file_sha256_is_hex", condition=Q(sha256__regex=HEX)),
            models.CheckConstraint(
                name="file_metadata_is_hex", condition=Q(metadata_sha256="") | Q(metadata_sha256__regex=HEX)
            ),
            models.CheckConstraint(
                name="file_static_metadata_is_there", condition=Q(metadata_is_static=False) | ~Q(metadata_sha256="")
            ),
            models.CheckConstraint(
                name="file_published_has_voucher", condition=Q(state="waiting", voucher="") | ~Q(voucher="")
            ),
        ]
        indexes = [models.Index(name="file_latest", fields=["state", "-uploaded_at"])]

    def __str__(self) -> str:
        return self.filename


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
    """Something that somebody did. Entries are added, never changed."""

    at = models.DateTimeField()
    actor = models.CharField(max_length=150, help_text="user name, or the part of Indexsite that acted by itself")
    token = models.BigIntegerField(null=True, help_text="the API token that was used")
    act = models.CharField(max_length=40)
    project = models.CharField(max_length=200, blank=True)
    details = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index(name="journal_project", fields=["project", "id"])]
        verbose_name_plural = "journal entries"

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.actor} {self.act} {self.project}"
