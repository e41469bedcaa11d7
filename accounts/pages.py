"""The pages on which people sign in and look after their own tokens."""

from typing import Any

from allauth.account.views import LoginView
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.callers import Scope, create_token, revoke_token
from accounts.forms import TokenForm
from accounts.freshness import SignInTooOldError, check_signed_in_lately
from accounts.models import Token, User


class SignIn(LoginView):  # type: ignore[misc]  # allauth has no types
    """Tells where the first user's password is, until somebody has signed in."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:  # Any: as allauth has it
        nobody_yet = not User.objects.exclude(last_login=None).exists()
        return {**super().get_context_data(**kwargs), "nobody_yet": nobody_yet}


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def tokens(request: HttpRequest) -> HttpResponse:
    """One's tokens, and a form for a new one, whose text this answer alone shows."""
    user, made = _signed_in(request), ""
    form = TokenForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and _is_fresh_enough(request, form):
        made = create_token(
            user,
            name=form.cleaned_data["name"],
            scopes=form.scopes,
            projects=form.cleaned_data["projects"],
            now=timezone.now(),
            lifetime=form.lifetime,
        )
        form = TokenForm()
    mine = Token.objects.filter(user=user, revoked_at=None).order_by(F("expires_at").desc(nulls_first=True), "-pk")
    return render(request, "account/tokens.html", {"form": form, "made": made, "tokens": mine, "now": timezone.now()})


def _is_fresh_enough(request: HttpRequest, form: TokenForm) -> bool:
    if Scope.ADMIN in form.scopes:
        try:
            check_signed_in_lately(request, _signed_in(request))
        except SignInTooOldError as error:
            form.add_error("scope", str(error))
            return False
    return True


@login_required
@require_POST
def revoke(request: HttpRequest, token_id: int) -> HttpResponse:
    """End a token of one's own."""
    token = revoke_token(_signed_in(request), token_id, now=timezone.now())
    if token is None:
        raise Http404("You have no such token.")
    messages.success(request, f"The token {token.hint}… is revoked; within seconds nothing accepts it.")
    return redirect("account-tokens")


def _signed_in(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101  # login_required has seen to it
    return request.user
