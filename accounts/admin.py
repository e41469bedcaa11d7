"""Users and tokens in Django's admin. Tokens are made on their users' own pages; here they are only looked after."""

from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils import timezone

from accounts import chronicle
from accounts.chronicle import Writer
from accounts.models import Token, User

admin.site.register(User, UserAdmin)
admin.site.unregister([Group, EmailAddress])  # nothing here asks for them
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]  # one sign-in for all


@admin.register(Token)
class TokenAdmin(admin.ModelAdmin[Token]):
    """Everything of a token but its revocation and expiry is read-only."""

    list_display = (
        "hint",
        "user",
        "name",
        "scopes",
        "projects",
        "created_at",
        "expires_at",
        "last_used_at",
        "revoked_at",
    )
    fields = (*list_display, "digest")
    readonly_fields = ("hint", "user", "name", "scopes", "projects", "created_at", "last_used_at", "digest")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A token's text is shown once, by the page or the command that makes it."""
        return False

    def save_model(self, request: HttpRequest, obj: Token, form: ModelForm[Token], change: bool) -> None:
        """What is changed by hand is journalled too."""
        super().save_model(request, obj, form, change)
        if form.changed_data:
            _note("token.changed-by-hand", request, obj, fields=", ".join(form.changed_data))

    def delete_model(self, request: HttpRequest, obj: Token) -> None:
        """One of them."""
        self.delete_queryset(request, Token.objects.filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Token]) -> None:
        """Several."""
        with transaction.atomic():
            for token in queryset.select_related("user"):
                _note("token.deleted-by-hand", request, token)
            super().delete_queryset(request, queryset)


def _note(act: str, request: HttpRequest, token: Token, **details: str) -> None:
    by, user = Writer(request.user.get_username()), token.user.username
    chronicle.note(act, by=by, now=timezone.now(), user=user, number=token.pk, name=token.name, **details)
