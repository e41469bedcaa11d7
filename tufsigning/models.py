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
