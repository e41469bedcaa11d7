"""The releases of a project, their files, and what they say of themselves."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from packages.models.projects import REASON, Project

HEX = r"^[0-9a-f]{64}$"


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
