"""The addresses of `/account/`: signing in and out, one's password, one's tokens.

Of allauth's views only those that need no e-mail; the ones for second factors come with them.
"""

from allauth.account import views as allauth
from django.contrib.auth.decorators import login_required
from django.urls import path
from django.views.decorators.http import require_http_methods, require_safe
from django.views.generic import RedirectView

from accounts import pages

_form = require_http_methods(["GET", "HEAD", "POST"])  # allauth takes a PUT for a POST
urlpatterns = [
    path("", require_safe(RedirectView.as_view(pattern_name="account-tokens")), name="account"),
    path("login/", _form(pages.SignIn.as_view()), name="account_login"),
    path("logout/", _form(allauth.logout), name="account_logout"),
    path("inactive/", require_safe(allauth.account_inactive), name="account_inactive"),
    path("password/", _form(login_required(allauth.password_change)), name="account_change_password"),
    path("tokens/", pages.tokens, name="account-tokens"),
    path("tokens/<int:token_id>/revoke/", pages.revoke, name="account-token-revoke"),
]
