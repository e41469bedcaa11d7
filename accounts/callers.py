"""From a request's credentials to the one who calls: what the token allows, in plain values."""

import base64
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import transaction
from django.db.models import Q, QuerySet

from accounts import chronicle
from accounts.chronicle import Named
from accounts.errors import CredentialsMissingError, ProjectForbiddenError, ScopeMissingError, TokenInvalidError
from accounts.models import Token, User
from accounts.tokens import RANDOM_BYTES, is_token_text, token_digest, token_text

LAST_USE_PRECISION = timedelta(minutes=1)
_MAX_HEADER = 1024


class Scope(StrEnum):
    """What a token may be used for. Every scope includes reading."""

    READ = "read"
    UPLOAD = "upload"
    CLAIM = "claim"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody with a valid token. `projects` are normalized names to which changes are limited; empty for all."""

    user_id: int
    username: str
    token_id: int | None  # None for somebody who signed in at the pages
    scopes: frozenset[Scope]
    projects: frozenset[str]
    last_use_is_stale: bool = False

    def require(self, scope: Scope) -> None:
        """Raise ScopeMissingError unless the token has the scope."""
        if scope not in self.scopes and scope is not Scope.READ:
            raise ScopeMissingError(scope.value)

    def require_project(self, project: str) -> None:
        """Raise ProjectForbiddenError where the token is limited to other projects. Reading is never limited so."""
        if self.projects and project not in self.projects:
            raise ProjectForbiddenError(project, "the token is limited to other projects")


def signed_in_caller(user: User) -> Caller:
    """Somebody at the pages, who may do there what is theirs; keys and claims ask for more."""
    return Caller(user.pk, user.username, None, frozenset({Scope.READ, Scope.UPLOAD}), frozenset())


def create_token(
    user: User,
    *,
    scopes: Iterable[Scope],
    projects: Iterable[str],
    now: datetime,
    lifetime: timedelta | None,
    name: str = "",
    by: Named | None = None,
) -> str:
    """Store a new token of this user, made `by` the user unless another is named; returns its text, nowhere else kept.

    The journal gets its number and name.
    """
    text = token_text(secrets.token_bytes(RANDOM_BYTES))
    with transaction.atomic():
        token = Token.objects.create(
            user=user,
            name=name,
            digest=token_digest(text),
            hint=text[:10],
            scopes=sorted(scopes),
            projects=sorted(projects),
            created_at=now,
            expires_at=now + lifetime if lifetime else None,
        )
        _note("token.created", token, by=by, now=now, scopes=" ".join(token.scopes), projects=" ".join(token.projects))
    return text


def revoke_token(user: User, token_id: int, *, now: datetime, by: Named | None = None) -> Token | None:
    """End a token of this user, which may be ended already; None where they have no such token."""
    with transaction.atomic():
        token = Token.objects.filter(pk=token_id, user=user).select_related("user").first()
        if token is not None and Token.objects.filter(pk=token_id, revoked_at=None).update(revoked_at=now):
            _note("token.revoked", token, by=by, now=now)
    return token


def identify_caller(authorization: str, *, now: datetime) -> Caller:
    """The caller that an Authorization header names: Bearer, or Basic with any user name and the token as password.

    Raises CredentialsMissingError or TokenInvalidError. Reads only: see `note_use`.
    """
    text = read_credentials(authorization)
    if not is_token_text(text):
        raise TokenInvalidError
    columns = ("user_id", "user__username", "pk", "scopes", "projects", "last_used_at")
    found = list(_valid_tokens(now).filter(digest=token_digest(text)).values_list(*columns))
    if not found:
        raise TokenInvalidError
    [(user_id, username, token_id, scopes, projects, last_used_at)] = found
    return Caller(
        user_id=user_id,
        username=username,
        token_id=token_id,
        scopes=frozenset(Scope(scope) for scope in scopes),
        projects=frozenset(projects),
        last_use_is_stale=last_used_at is None or last_used_at <= now - LAST_USE_PRECISION,
    )


def note_use(caller: Caller, *, now: datetime) -> None:
    """Note that a token was used, at most once a minute. Apart from identifying, so that reading waits for no write."""
    if caller.last_use_is_stale and caller.token_id is not None:
        stale = Q(last_used_at=None) | Q(last_used_at__lte=now - LAST_USE_PRECISION)
        Token.objects.filter(stale, pk=caller.token_id).update(last_used_at=now)


def read_credentials(authorization: str) -> str:
    """The token in an Authorization header; raises CredentialsMissingError or TokenInvalidError."""
    scheme, _, value = authorization.strip().partition(" ")
    value = value.strip()
    if not value:
        raise CredentialsMissingError
    if len(value) > _MAX_HEADER:
        raise TokenInvalidError
    if scheme.lower() == "bearer":
        return value
    if scheme.lower() != "basic":
        raise CredentialsMissingError
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2].strip()
    except ValueError as error:
        raise TokenInvalidError from error


def _note(act: str, token: Token, *, by: Named | None, now: datetime, **details: str) -> None:
    user = token.user.username
    chronicle.note(
        act, by=by or chronicle.Writer(user), now=now, user=user, number=token.pk, name=token.name, **details
    )


def _valid_tokens(now: datetime) -> QuerySet[Token]:
    unexpired = Q(expires_at=None) | Q(expires_at__gt=now)
    return Token.objects.filter(unexpired, revoked_at=None, user__is_active=True)
