"""Who acts on a project: somebody who is signed in, or a token that may do what its user may."""

from dataclasses import dataclass

from accounts.callers import Caller, Scope
from accounts.errors import ProjectForbiddenError, TokenInvalidError
from accounts.models import User


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody whom we know. `projects` are normalized names to which a token is limited; empty for all."""

    user_id: int
    username: str
    is_administrator: bool = False
    token_id: int | None = None
    projects: frozenset[str] = frozenset()

    def require_project(self, project: str) -> None:
        """Raise ProjectForbiddenError where the token is limited to other projects."""
        if self.projects and project not in self.projects:
            raise ProjectForbiddenError(project, "the token is limited to other projects")


def signed_in_actor(user: User) -> Actor:
    """A user with a session."""
    return Actor(user.pk, user.username, _is_administrator(user))


def token_actor(caller: Caller) -> Actor:
    """The user of a token, which needs the scope `admin`: tokens for uploads lie about on build machines.

    Raises ScopeMissingError, or TokenInvalidError where the user is gone meanwhile.
    """
    caller.require(Scope.ADMIN)
    user = User.objects.filter(pk=caller.user_id, is_active=True).first()
    if user is None:
        raise TokenInvalidError
    return Actor(user.pk, user.username, _is_administrator(user), caller.token_id, caller.projects)


def token_reader(caller: Caller, user: User) -> Actor:
    """The user of a token of any scope, for reading only: an administrator's needs the scope `admin` to see all."""
    is_administrator = Scope.ADMIN in caller.scopes and _is_administrator(user)
    return Actor(user.pk, user.username, is_administrator, caller.token_id, caller.projects)


def _is_administrator(user: User) -> bool:
    return user.is_active and (user.is_staff or user.is_superuser)
