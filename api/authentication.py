"""Who asks: an API token, as with uploads, or a session together with its CSRF token."""

from django.http import HttpRequest
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from structlog.contextvars import bind_contextvars

from accounts.actors import Actor, signed_in_actor, token_actor, token_reader
from accounts.callers import Caller, identify_caller, note_use
from accounts.errors import CredentialsMissingError, TokenInvalidError
from accounts.models import User

CHALLENGE = 'Basic realm="Indexsite"'


class TokenAuthentication(BaseAuthentication):
    """Bearer, or Basic with the token as the password. `request.auth` is the Caller then."""

    def authenticate(self, request: Request) -> tuple[User, Caller] | None:
        """None where no token is sent; raises TokenInvalidError."""
        authorization = request.headers.get("Authorization", "")
        if not authorization:
            return None
        now = timezone.now()
        caller = identify_caller(authorization, now=now)
        user = User.objects.filter(pk=caller.user_id, is_active=True).first()
        if user is None:
            raise TokenInvalidError
        note_use(caller, now=now)
        bind_contextvars(actor=caller.username, token=caller.token_id)
        return user, caller

    def authenticate_header(self, request: Request) -> str:
        """What a 401 asks for."""
        return CHALLENGE


class CsrfFailedError(PermissionDenied):
    """A session without the CSRF token that proves whose page it is."""

    default_code = "csrf-failed"


class SessionWithCsrf(SessionAuthentication):
    """Somebody who signed in at the pages. `request.auth` is None then."""

    def enforce_csrf(self, request: HttpRequest) -> None:
        """Raises CsrfFailedError, but for reading."""
        try:
            super().enforce_csrf(request)  # type: ignore[arg-type]  # the stubs want DRF's request, DRF gives Django's
        except PermissionDenied as error:
            raise CsrfFailedError(
                f"{error.detail} Send the cookie csrftoken in the header X-CSRFToken, or use an API token."
            ) from error


def reader(request: Request) -> Actor | None:
    """Who reads; None for anybody."""
    user = request.user
    if not isinstance(user, User):
        return None
    return token_reader(request.auth, user) if isinstance(request.auth, Caller) else signed_in_actor(user)


def known_reader(request: Request) -> Actor:
    """Who reads; raises CredentialsMissingError where we do not know."""
    found = reader(request)
    if found is None:
        raise CredentialsMissingError
    return found


def actor(request: Request) -> Actor:
    """Who acts; raises CredentialsMissingError, or ScopeMissingError where the token is not of the scope `admin`."""
    if isinstance(request.auth, Caller):
        return token_actor(request.auth)
    return known_reader(request)
