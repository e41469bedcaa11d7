"""The attestations app."""

from django.apps import AppConfig


class AttestationsConfig(AppConfig):
    """Provenance of files, and whose attestations a project takes."""

    name = "packages.attestations"
    label = "attestations"
