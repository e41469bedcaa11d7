"""Users and tokens in Django's admin. Tokens are made on their users' own pages; here they are only looked after."""

from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest

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
