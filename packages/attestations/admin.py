"""The provenance of files and the publishers of projects, to look at in Django's admin."""

from django.contrib import admin

from packages.admin import ReadOnlyAdmin
from packages.attestations.models import AttestationIdentity, FileProvenance


@admin.register(FileProvenance)
class FileProvenanceAdmin(ReadOnlyAdmin):
    """Who attested what."""

    list_display = ("file", "kind", "name", "workflow")
    list_filter = ("kind",)
    search_fields = ("file__filename", "name")


@admin.register(AttestationIdentity)
class AttestationIdentityAdmin(ReadOnlyAdmin):
    """Which publishers projects name."""

    list_display = ("project", "identity")
    search_fields = ("project__name", "identity")
