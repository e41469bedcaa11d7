"""Projects, releases and files; the outbox; the journal. What must never be false is a constraint here."""

from typing import ClassVar

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Replace
from django.utils import timezone

HEX = r"^[0-9a-f]{64}$"
REASON = 500  # characters of a reason, at most


class UndeletedProjects(models.Manager["Project"]):
    """Projects, without the deleted ones, whose rows keep their names from strangers."""

    def get_queryset(self) -> models.QuerySet["Project"]:
        return super().get_queryset().exclude(status="deleted")


def _look_alike_of(column: str) -> Replace:
    """The SQL of `packages.names.look_alike`, for a normalized name."""
    without_separators = Replace(column, Value("-"), Value(""))
    ones = Replace(Replace(without_separators, Value("l"), Value("1")), Value("i"), Value("1"))
    return Replace(ones, Value("o"), Value("0"))


class Project(models.Model):
    """A project. `name` is the normalized name, `display_name` as its first upload spelt it."""

    class Status(models.TextChoices):
        ACTIVE = "active"
        ARCHIVED = "archived"  # takes no uploads
        QUARANTINED = "quarantined"  # takes no uploads, and no file of it is listed or served
        DEPRECATED = "deprecated"
        DELETED = "deleted"  # has no page; PEP 792, where the other four are from, does not know it

    name = models.CharField(max_length=200, unique=True)
    display_name = models.CharField(max_length=200)
    created_at = models.DateTimeField()
    look_alike = models.GeneratedField(
        expression=_look_alike_of("name"), output_field=models.CharField(max_length=200), db_persist=True, db_index=True
    )
    may_resemble = models.BooleanField(
        default=False, help_text="may have a name that looks like another's: allowed, imported or restored"
    )
    stored_bytes = models.PositiveBigIntegerField(default=0, help_text="of all its files")
    stored_files = models.PositiveIntegerField(default=0)
    quota = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="bytes of all its files; empty as the settings say, 0 without limit"
    )
    file_limit = models.PositiveBigIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)], help_text="bytes of one file; empty as settings say"
    )
    status = models.CharField(max_length=11, choices=Status.choices, default=Status.ACTIVE)
    status_reason = models.CharField(max_length=REASON, blank=True)
    status_before = models.CharField(max_length=11, blank=True, help_text="the quarantine; empty outside of one")
    reason_before = models.CharField(max_length=REASON, blank=True)

    objects = UndeletedProjects()
    every: ClassVar[models.Manager["Project"]] = models.Manager()  # the deleted ones too

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="project_name_is_normalized", condition=Q(name__regex=r"^[a-z0-9]+(-[a-z0-9]+)*$")
            ),
            models.CheckConstraint(
                name="project_quarantine_remembers",
                condition=Q(status="quarantined") & ~Q(status_before="")
                | ~Q(status="quarantined") & Q(status_before=""),
            ),
            models.UniqueConstraint(
                name="project_looks_like_no_other", fields=["look_alike"], condition=Q(may_resemble=False)
            ),
        ]
        indexes = [
            models.Index(name="project_file_limit", fields=["file_limit"], condition=Q(file_limit__isnull=False))
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


class Invitation(models.Model):
    """An owner's offer of a role, until the user accepts or declines it, or an owner takes it back."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="invitations")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="invitations")
    role = models.CharField(max_length=10, choices=Membership.Role.choices)
    invited_by = models.CharField(max_length=150)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(name="invitation_is_one", fields=["project", "user"])]

    def __str__(self) -> str:
        return f"{self.user} may become {self.role} of {self.project}"


class RetentionRule(models.Model):
    """Which pre- and dev-releases of a project the worker deletes: all but the newest, or those past an age."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="retention")
    keep_newest = models.PositiveIntegerField(null=True)
    max_days = models.PositiveIntegerField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="retention_is_by_number_or_age",
                condition=Q(keep_newest=None, max_days__gte=1) | Q(keep_newest__gte=0, max_days=None),
            )
        ]

    def __str__(self) -> str:
        rule = f"those of {self.max_days} days" if self.keep_newest is None else f"the newest {self.keep_newest}"
        return f"{self.project} keeps {rule} of its pre-releases"


class Release(models.Model):
    """A version of a project, in the normal form of the version specifiers' specification.

    It is there as long as it has files; its row stays.
    """

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="releases")
    version = models.CharField(max_length=200)
    created_at = models.DateTimeField()
    reopened_until = models.DateTimeField(null=True, blank=True, help_text="takes files until then, however old")
    is_yanked = models.BooleanField(default=False, help_text="and with it each of its files, later ones too (PEP 592)")
    yanked_reason = models.CharField(max_length=REASON, blank=True)
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


class UndeletedFiles(models.Manager["File"]):
    """Files, without the deleted ones, whose rows keep their names from being used again."""

    def get_queryset(self) -> models.QuerySet["File"]:
        return super().get_queryset().exclude(state="deleted")


class File(models.Model):
    """A distribution file. Its bytes never change, and its name is never free again."""

    class State(models.TextChoices):
        WAITING = "waiting"  # stored, not in signed metadata yet
        PUBLISHED = "published"  # in signed metadata, listed on /simple/
        WITHHELD = "withheld"  # its project is quarantined: its bytes are kept, neither listed nor served
        DELETED = "deleted"  # for good: the row is what remains, so that no other file ever has the name

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
    voucher = models.CharField(max_length=220, blank=True, help_text="the TUF role that vouches, of published ones")
    is_yanked = models.BooleanField(default=False, help_text="by itself; its release may be too (PEP 592)")
    yanked_reason = models.CharField(max_length=REASON, blank=True)

    objects = UndeletedFiles()
    every: ClassVar[models.Manager["File"]] = models.Manager()  # the deleted ones too

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
                name="file_published_has_voucher",
                condition=Q(state="published") & ~Q(voucher="") | ~Q(state="published") & Q(voucher=""),
            ),
        ]
        indexes = [models.Index(name="file_latest", fields=["state", "-uploaded_at"])]

    def __str__(self) -> str:
        return self.filename

    @property
    def yanked(self) -> str | None:
        """What its page says of it; see `yank_shown`."""
        return yank_shown(self.is_yanked, self.yanked_reason, self.release.is_yanked, self.release.yanked_reason)


def yank_shown(file: bool, reason: str, release: bool, release_reason: str) -> str | None:
    """What a page says of a file (PEP 592): the reason, "" for none given, None where it is not yanked.

    Its own reason goes before that of its release, which has one only while it is yanked.
    """
    return reason or release_reason if file or release else None


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
