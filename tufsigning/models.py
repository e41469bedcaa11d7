"""What has been signed: documents, the highest version of each role, publications, and who publishes."""

from django.db import models


class RoleHead(models.Model):
    """The highest version that a role ever had, burnt ones included, and when its visible document expires."""

    role = models.CharField(max_length=220, unique=True)
    version = models.BigIntegerField()
    expires_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.version}.{self.role}"


class Document(models.Model):
    """A version of a role: claimed first, then signed. One whose publication failed stays claimed: it is burnt."""

    role = models.CharField(max_length=220)
    version = models.BigIntegerField()
    sha256 = models.CharField(max_length=64, blank=True, help_text="empty until signed")
    length = models.PositiveBigIntegerField(null=True, help_text="bytes")
    content = models.BinaryField(null=True, help_text="the bytes, of offline-signed documents only")
    claimed_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(name="document_is_signed_once", fields=["role", "version"])]

    def __str__(self) -> str:
        return f"{self.version}.{self.role}.json"


class Publication(models.Model):
    """A set of documents that became visible together. Its number is its snapshot's version."""

    number = models.BigIntegerField(unique=True)
    signed_at = models.DateTimeField()
    visible_at = models.DateTimeField(null=True)
    documents = models.PositiveIntegerField()

    def __str__(self) -> str:
        return str(self.number)


class ExpiryAnnouncement(models.Model):
    """That a document of an offline role has come within some days of its end was said, in the log and by mail."""

    role = models.CharField(max_length=220)
    expires_at = models.DateTimeField()
    step = models.PositiveSmallIntegerField(help_text="days before the end; 0 when it has come")
    announced_at = models.DateTimeField()
    mailed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(name="expiry_is_announced_once", fields=["role", "expires_at", "step"])]

    def __str__(self) -> str:
        return f"{self.role}, {self.step} days before {self.expires_at}"


class PublicLogEntry(models.Model):
    """An entry of the public log, as it is served: a line of canonical JSON (`tufsigning.core.log`). Never changed."""

    number = models.BigIntegerField(primary_key=True)
    line = models.TextField()

    class Meta:
        verbose_name_plural = "public log entries"

    def __str__(self) -> str:
        return str(self.number)


class PublisherLease(models.Model):
    """The one row that says who publishes. It saves work; the constraints and the conditional timestamp keep order."""

    holder = models.CharField(max_length=40, blank=True)
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(name="publisher_lease_is_one", condition=models.Q(id=1))]

    def __str__(self) -> str:
        return self.holder or "nobody"


class OfflineImport(models.Model):
    """Documents that offline keys signed, wholly checked, and the wish to publish them together: the row is the wish.

    It waits until they are visible, so that whatever a crash has left is finished by the next publisher.
    """

    taken_at = models.DateTimeField()
    begins_chain = models.BooleanField(help_text="whether the root stands for itself, and clients must pin it anew")
    documents = models.JSONField(help_text="role and version of each")
    is_waiting = models.BooleanField(default=True)
    settled_at = models.DateTimeField(null=True)
    fault = models.TextField(blank=True, help_text="why it was given up")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="offline_import_waits_alone", fields=["is_waiting"], condition=models.Q(is_waiting=True)
            )
        ]

    def __str__(self) -> str:
        return ", ".join(f"{version}.{role}" for role, version in self.documents)


class KeyUse(models.Model):
    """A publication that an online key signed, visible or burnt: a link of a chain, written before anybody sees it."""

    number = models.BigIntegerField(unique=True, help_text="1 for the first")
    at = models.DateTimeField()
    publication = models.BigIntegerField(help_text="its number, the snapshot's version")
    key_id = models.CharField(max_length=64)
    documents = models.PositiveIntegerField(help_text="how many were signed")
    roles = models.JSONField(help_text="versions by role; of many bins only how many")
    digest = models.CharField(max_length=64, help_text="SHA-256 over role, version and SHA-256 of each document")
    sha256 = models.CharField(max_length=64, help_text="of this use and the hash of the one before")
    is_told = models.BooleanField(null=True, help_text="whether the sink took it; null without a sink")

    def __str__(self) -> str:
        return f"{self.number}: {self.key_id[:8]} signed publication {self.publication}"


class KeyRotation(models.Model):
    """The one row while a healthy online key is replaced: everything online is then signed with both keys (ADR 25).

    Each key as root has it: {"keyid": ..., "key": ...}.
    """

    began_at = models.DateTimeField()
    old = models.JSONField()
    new = models.JSONField()
    objected_at = models.DateTimeField(null=True, help_text="when a worker last said that it lacks the new key")

    class Meta:
        constraints = [models.CheckConstraint(name="key_rotation_is_one", condition=models.Q(id=1))]

    def __str__(self) -> str:
        return f"{self.old['keyid'][:8]} to {self.new['keyid'][:8]}"


class Recovery(models.Model):
    """What is done after a break-in, from the look at a copy to the publication under new keys (ADR 27)."""

    case = models.CharField(max_length=20)
    began_at = models.DateTimeField()
    reference = models.TextField(help_text="the copy of the last good state: a path on the machine of the command")
    fingerprint = models.CharField(max_length=64, help_text="of the root that the operator has on paper")
    compared_at = models.DateTimeField(null=True)
    published_at = models.DateTimeField(null=True)
    publication = models.BigIntegerField(null=True)
    abandoned_at = models.DateTimeField(null=True)
    is_under_way = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="recovery_is_one", fields=["is_under_way"], condition=models.Q(is_under_way=True)
            )
        ]
        verbose_name_plural = "recoveries"

    def __str__(self) -> str:
        return f"{self.case}, {self.began_at:%Y-%m-%d %H:%M}"


class Bulletin(models.Model):
    """What users are told about a break-in or another matter of trust: plain text, shown from `published_at` on."""

    title = models.CharField(max_length=200)
    happened = models.TextField(help_text="what happened, and when")
    keys = models.TextField(blank=True, help_text="which keys are concerned")
    releases = models.TextField(blank=True, help_text="which releases are concerned")
    advice = models.TextField(help_text="what users should do")
    published_at = models.DateTimeField(null=True, blank=True, help_text="empty for a draft")
    warns_until = models.DateTimeField(null=True, blank=True, help_text="how long /trust/ warns; empty: it does not")

    class Meta:
        indexes = [models.Index(name="bulletin_newest", fields=["-published_at"])]

    def __str__(self) -> str:
        return self.title
