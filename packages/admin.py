"""What the index holds, to look at in Django's admin; only memberships are changed here."""

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from packages.models import File, JournalEntry, Membership, OutboxEntry, Project, Release


class ReadOnlyAdmin(admin.ModelAdmin[Model]):
    """Rows that only Indexsite itself writes: signed metadata follows from them."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Never by hand."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Never by hand."""
        return False


class MembershipInline(admin.TabularInline[Membership, Project]):
    """Who may do what with a project."""

    model = Membership
    extra = 0


@admin.register(Project)
class ProjectAdmin(admin.ModelAdmin[Project]):
    """A project and its members."""

    list_display = ("name", "display_name", "created_at")
    search_fields = ("name",)
    readonly_fields = ("name", "display_name", "created_at")
    inlines = (MembershipInline,)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """The first upload makes a project."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Project | None = None) -> bool:
        """Names and filenames are never freed by hand."""
        return False


@admin.register(File)
class FileAdmin(ReadOnlyAdmin):
    """Files, newest first."""

    list_display = ("filename", "state", "voucher", "size", "uploaded_at", "uploaded_by")
    list_filter = ("state",)
    search_fields = ("filename",)
    ordering = ("-uploaded_at",)


@admin.register(JournalEntry)
class JournalAdmin(ReadOnlyAdmin):
    """The journal, newest first."""

    list_display = ("at", "actor", "act", "project", "details")
    search_fields = ("project", "actor")
    ordering = ("-id",)


admin.site.register(Release, ReadOnlyAdmin)
admin.site.register(OutboxEntry, ReadOnlyAdmin)
