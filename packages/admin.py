"""What the index holds, to look at in Django's admin; only memberships are changed here."""

from collections.abc import Callable
from typing import Any, TypeVar

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.db import transaction
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html

from accounts.actors import signed_in_actor
from accounts.errors import AccessError
from accounts.models import User
from indexsite_client.protocol import ProtocolError, normalize_name
from packages import journal
from packages.life import projects
from packages.life.errors import LifeError
from packages.life.members import offers_that_end
from packages.models import (
    AccountUsage,
    File,
    JournalEntry,
    ListedName,
    Membership,
    OutboxEntry,
    Project,
    Release,
)

RowT = TypeVar("RowT", bound=Model)


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


class JournalledAdmin(admin.ModelAdmin[RowT]):
    """What is added or changed here by hand is in the journal: which fields, not what they say."""

    kind = "row"

    def save_model(self, request: HttpRequest, obj: RowT, form: ModelForm[RowT], change: bool) -> None:
        """A name that is changed is noted with the one of before: older entries name that."""
        with transaction.atomic():
            super().save_model(request, obj, form, change)
            if form.changed_data or not change:
                details = {"name": str(obj), "fields": ", ".join(form.changed_data)}
                if change and "username" in form.changed_data:
                    details["before"] = str(form.initial["username"])
                self.note(request, "changed" if change else "added", **details)

    def note(self, request: HttpRequest, what: str, **details: str) -> None:
        """Write it down."""
        by = signed_in_actor(request.user)  # type: ignore[arg-type]  # a User
        journal.entry(f"{self.kind}.{what}-by-hand", now=timezone.now(), caller=by, **details).save()


admin.site.unregister(User)


@admin.register(User)
class AccountAdmin(JournalledAdmin[User], UserAdmin[User]):
    """Users. One is not deleted while a project has no other owner: the page names those projects."""

    kind = "account"

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002
        """Whose password an administrator sets is noted."""
        before = User.objects.filter(pk=id).values_list("username", "password").first()
        response = super().user_change_password(request, id, form_url)
        if before and not User.objects.filter(pk=id, password=before[1]).exists():
            self.note(request, "changed", name=before[0], fields="password")
        return response

    # Any: what is shown of the objects
    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[Any, Any, set[str], list[Any]]:
        """With what to do next. What an account stores is forgotten with it, though not by itself."""
        shown, counts, needed, protected = super().get_deleted_objects(objs, request)
        hint = "{}: name another owner first, or delete the project"
        needed -= {str(AccountUsage._meta.verbose_name)}
        return shown, counts, needed, [format_html(hint, each) for each in protected]

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        """One of them."""
        self.delete_queryset(request, User.objects.filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Several; the journal has each, and for each of their projects that they left."""
        by, now = signed_in_actor(request.user), timezone.now()  # type: ignore[arg-type]  # a User
        owned = Project.every.filter(memberships__user__in=queryset.values("pk")).values("pk")
        with transaction.atomic():
            list(Project.every.filter(pk__in=owned).order_by("pk").select_for_update())  # as every act holds them
            for member in Membership.objects.filter(user__in=queryset).select_related("user", "project"):
                details, name = {"user": member.user.username, "role": member.role}, member.project.name
                journal.entry("member.removed-with-account", now=now, caller=by, project=name, **details).save()
            for username in queryset.values_list("username", flat=True):
                journal.entry("account.deleted-by-hand", now=now, caller=by, user=username).save()
            super().delete_queryset(request, queryset)


class MembershipInline(admin.TabularInline[Membership, Project]):
    """Who may do what with a project."""

    model = Membership
    extra = 0


@admin.register(Project)
class ProjectAdmin(JournalledAdmin[Project]):
    """A project, its limits and its members."""

    kind = "project"

    list_display = ("name", "display_name", "status", "created_at", "stored_bytes", "quota", "file_limit")
    list_filter = ("status",)
    search_fields = ("name",)
    readonly_fields = (
        "name",
        "display_name",
        "created_at",
        "status",
        "status_reason",
        "may_resemble",
        "stored_bytes",
        "stored_files",
    )
    exclude = ("status_before", "reason_before")
    inlines = (MembershipInline,)
    actions = ("quarantine", "lift_quarantine")

    @admin.action(description="Quarantine: no page lists a file of them, none is served, and they take no uploads")
    def quarantine(self, request: HttpRequest, queryset: QuerySet[Project]) -> None:
        """Signed within a second; what is refused is said."""
        self._do(request, queryset, projects.quarantine_project)

    @admin.action(description="Lift the quarantine")
    def lift_quarantine(self, request: HttpRequest, queryset: QuerySet[Project]) -> None:
        """They are what they were before."""
        self._do(request, queryset, projects.lift_quarantine)

    def _do(self, request: HttpRequest, chosen: QuerySet[Project], act: Callable[..., object]) -> None:
        assert isinstance(request.user, User)  # noqa: S101  # the admin lets nobody else in
        for name in chosen.values_list("name", flat=True):
            try:
                act(signed_in_actor(request.user), name, now=timezone.now())
            except (LifeError, AccessError) as error:
                self.message_user(request, str(error), messages.ERROR)

    # Any: of whatever inline and form
    def save_formset(self, request: HttpRequest, form: ModelForm[Project], formset: Any, change: bool) -> None:
        """Members that are named or removed by hand are journalled too."""
        formset.save()
        changed = [*formset.new_objects, *(member for member, _ in formset.changed_objects)]
        for member in formset.deleted_objects:
            offers_that_end(member).delete()
        for act, members in (("member.set-by-hand", changed), ("member.removed-by-hand", formset.deleted_objects)):
            for member in members:
                details = {"user": member.user.username, "role": member.role}
                actor, name = signed_in_actor(request.user), form.instance.name  # type: ignore[arg-type]  # a User
                journal.entry(act, now=timezone.now(), caller=actor, project=name, **details).save()

    def has_add_permission(self, request: HttpRequest) -> bool:
        """The first upload makes a project."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Project | None = None) -> bool:
        """Names and filenames are never freed by hand."""
        return False


@admin.register(AccountUsage)
class AccountUsageAdmin(JournalledAdmin[AccountUsage]):
    """What accounts store, and how much they may. Before its first upload an account has no row: add one."""

    kind = "usage"

    list_display = ("user", "stored_bytes", "quota")
    search_fields = ("user__username",)
    readonly_fields = ("stored_bytes",)
    autocomplete_fields = ("user",)

    def get_readonly_fields(self, request: HttpRequest, obj: AccountUsage | None = None) -> tuple[str, ...]:
        """The sum belongs to the account that it was counted for."""
        return (*self.readonly_fields, "user") if obj else self.readonly_fields

    def has_delete_permission(self, request: HttpRequest, obj: AccountUsage | None = None) -> bool:
        """It would be forgotten what the account stores."""
        return False


class ListedNameForm(forms.ModelForm[ListedName]):
    """Takes a name in any spelling."""

    class Meta:
        model = ListedName
        fields = ("name", "verdict", "reason")

    def clean_name(self) -> str:
        """The normalized name."""
        try:
            return normalize_name(self.cleaned_data["name"])
        except ProtocolError as error:
            raise forms.ValidationError(str(error)) from error


@admin.register(ListedName)
class ListedNameAdmin(JournalledAdmin[ListedName]):
    """Names that no new project may have, or that one may have although the rules say no."""

    kind = "listed-name"

    form = ListedNameForm
    list_display = ("name", "verdict", "reason")
    list_filter = ("verdict",)
    search_fields = ("name",)


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
