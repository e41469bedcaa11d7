"""Who manages which project: members and administrators; to everybody else its pages are closed."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache

from accounts.actors import Actor, signed_in_actor
from accounts.errors import AccessError
from accounts.models import User
from indexsite_client.protocol import ProtocolError, normalize_name
from packages.life.acting import roles_of
from packages.life.rules import Act, ActForbiddenError, Role, check_roles, makes_sense
from packages.models import Membership, Project

_MANAGE = frozenset({Role.MAINTAINER, Role.OWNER, Role.ADMINISTRATOR})


@dataclass(frozen=True, slots=True)
class Managed:
    """A project and somebody who manages it."""

    project: Project
    actor: Actor
    roles: frozenset[Role]

    def check(self, act: Act) -> None:
        """Raise ActForbiddenError where the act is not theirs."""
        check_roles(act, project=self.project.name, roles=self.roles, status=self.project.status)

    def may(self, act: Act) -> bool:
        """Whether the act is theirs, and makes sense now."""
        try:
            self.check(act)
        except ActForbiddenError:
            return False
        return makes_sense(act, status=self.project.status)


def signed_in(request: HttpRequest) -> User:
    """Who is signed in, behind `login_required`."""
    assert isinstance(request.user, User)  # noqa: S101  # login_required has seen to it
    return request.user


def managing(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Make a view over a Managed project of one that is given the project's name in whatever spelling."""

    @never_cache
    @login_required
    @wraps(view)
    def managed_view(request: HttpRequest, name: str, **rest: str) -> HttpResponse:
        try:
            normalized = normalize_name(name)
        except ProtocolError as error:
            raise Http404(str(error)) from error
        if normalized != name and request.resolver_match is not None:
            return redirect(reverse(request.resolver_match.view_name, kwargs={**rest, "name": normalized}))
        return view(request, managed_project(signed_in(request), normalized), **rest)

    return managed_view


def managed_project(user: User, name: str) -> Managed:
    """The project as this user manages it.

    A stranger hears 403, for names are no secret here; 404 where there is none, as of a deleted one's public page.
    """
    project = Project.every.filter(name=name).first()
    actor = signed_in_actor(user)
    roles = roles_of(actor, project) if project else frozenset[Role]()
    if project is None or (project.status == Project.Status.DELETED and not roles):
        raise Http404(f"There is no project {name} here.")
    if roles & _MANAGE:
        return Managed(project, actor, roles)
    if Role.INVITED in roles:
        raise PermissionDenied(f"You are invited to {name}: accept that among your projects first.")
    raise PermissionDenied(f"You are no member of {name}: ask one of its owners to invite you.")


def forbidden(error: AccessError) -> PermissionDenied:
    """The error as Django answers it: 403, with the sentence."""
    return PermissionDenied(str(error))


def is_manager(user: User | AnonymousUser, name: str) -> bool:
    """Whether a visitor of a project's page is to be shown the way to its management."""
    if not isinstance(user, User):
        return False
    return user.is_staff or Membership.objects.filter(project__name=name, user=user).exists()
