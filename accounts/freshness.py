"""Whether somebody has just proved who they are: only then is a token made that may do everything."""

import time
from datetime import timedelta

from allauth.account.authentication import get_authentication_records
from django.http import HttpRequest

from accounts.errors import AccessError
from accounts.models import User

FRESH = timedelta(minutes=15)


class SignInTooOldError(AccessError):
    """An open browser that somebody else sits at must not be enough for a token that outlives it."""

    code = "sign-in-too-old"

    def __init__(self) -> None:
        minutes = int(FRESH.total_seconds() // 60)
        super().__init__(
            f"A token of the scope 'admin' needs a sign-in of the last {minutes} minutes; sign out and in again."
        )


def check_signed_in_lately(request: HttpRequest, user: User) -> None:
    """Raise SignInTooOldError unless this session began, or was confirmed, within FRESH."""
    latest = max((record["at"] for record in get_authentication_records(request, user)), default=0)
    if time.time() - latest >= FRESH.total_seconds():
        raise SignInTooOldError
