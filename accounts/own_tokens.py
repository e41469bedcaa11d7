"""Somebody's own tokens, as they may look after them: nothing here ever holds a token's text."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from accounts import callers
from accounts.actors import Actor
from accounts.errors import AccessError
from accounts.models import Token
from accounts.tokens import token_digest


class TokenUnknownError(AccessError):
    """There is no such token, or it is not one that this caller may look after: we do not say which."""

    code = "token-unknown"

    def __init__(self, token_id: int) -> None:
        super().__init__(f"You have no token {token_id}; the list of your tokens names those that you have.")
        self.token_id = token_id


@dataclass(frozen=True, slots=True)
class OwnToken:
    """A token that is not revoked; `hint` is how its text begins."""

    id: int
    name: str
    hint: str
    scopes: tuple[str, ...]
    projects: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


def list_tokens(actor: Actor, *, all_of_them: bool, after: int | None, limit: int) -> tuple[OwnToken, ...]:
    """Tokens that are not revoked, the newest first; of a token without the right to see `all_of_them`, itself."""
    found = _tokens(actor, all_of_them=all_of_them).order_by("-pk")
    if after is not None:
        found = found.filter(pk__lt=after)
    return tuple(_show(row) for row in found[:limit])


def find_token(actor: Actor, token_id: int) -> OwnToken:
    """One of somebody's; raises TokenUnknownError."""
    row = _tokens(actor, all_of_them=True).filter(pk=token_id).first()
    if row is None:
        raise TokenUnknownError(token_id)
    return _show(row)


def token_of_text(actor: Actor, text: str) -> OwnToken:
    """The token that has this text, somebody's own."""
    return _show(_tokens(actor, all_of_them=True).get(digest=token_digest(text)))


def revoke_token(actor: Actor, token_id: int, *, all_of_them: bool, now: datetime) -> None:
    """End it: within seconds nothing accepts it. Every token may end itself. Raises TokenUnknownError."""
    row = _tokens(actor, all_of_them=all_of_them).filter(pk=token_id).select_related("user").first()
    if row is None:
        raise TokenUnknownError(token_id)
    callers.revoke_token(row.user, row.pk, by=actor, now=now)


def _tokens(actor: Actor, *, all_of_them: bool) -> QuerySet[Token]:
    found = Token.objects.filter(user=actor.user_id, revoked_at=None)
    return found if all_of_them else found.filter(pk=actor.token_id or 0)


def _show(row: Token) -> OwnToken:
    return OwnToken(
        id=row.pk,
        name=row.name,
        hint=row.hint,
        scopes=tuple(row.scopes),
        projects=tuple(row.projects),
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
    )
