"""The provenance of files, and the publishers that projects name for themselves."""

from django.db import models
from django.db.models import Q

from packages.attestations.identities import Publisher
from packages.models.releases import HEX


class FileProvenance(models.Model):
    """Who attested a file when it was uploaded; the provenance object itself is a blob."""

    file = models.OneToOneField("packages.File", on_delete=models.CASCADE, related_name="provenance")
    sha256 = models.CharField(max_length=64, help_text="of the provenance object")
    kind = models.CharField(max_length=10)
    name = models.CharField(max_length=255, help_text="of the repository, or an e-mail address")
    workflow = models.CharField(max_length=255, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(name="provenance_sha256_is_hex", condition=Q(sha256__regex=HEX))]

    def __str__(self) -> str:
        return f"{self.file} by {self.publisher}"

    @property
    def publisher(self) -> Publisher:
        """As a value."""
        return Publisher.of(self.kind, self.name, self.workflow)


class AttestationIdentity(models.Model):
    """A publisher whose attestations a project takes. Where it names one, the index's own list does not count."""

    project = models.ForeignKey("packages.Project", on_delete=models.CASCADE, related_name="attestation_identities")
    identity = models.CharField(max_length=255, help_text="such as github:acme/demo@release.yml")

    class Meta:
        constraints = [models.UniqueConstraint(name="attestation_identity_is_one", fields=["project", "identity"])]
        verbose_name_plural = "attestation identities"

    def __str__(self) -> str:
        return self.identity
