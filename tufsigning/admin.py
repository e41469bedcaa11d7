"""Publications, to look at in Django's admin, and bulletins, to write there."""

from django.contrib import admin
from django.http import HttpRequest

from tufsigning.models import Bulletin, Publication


@admin.register(Publication)
class PublicationAdmin(admin.ModelAdmin[Publication]):
    """What became visible, newest first."""

    list_display = ("number", "signed_at", "visible_at", "documents")
    readonly_fields = ("number", "signed_at", "visible_at", "documents")
    ordering = ("-number",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Only the publisher publishes."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Publication | None = None) -> bool:
        """History stays."""
        return False


@admin.register(Bulletin)
class BulletinAdmin(admin.ModelAdmin[Bulletin]):
    """Plain text; without a moment of publication it is a draft."""

    list_display = ("title", "published_at", "warns_until")
    ordering = ("-published_at",)
