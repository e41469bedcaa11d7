"""The table of permissions, asked cell by cell; and that it lacks no address and no method."""

import itertools
import re
from collections.abc import Iterator
from http import HTTPStatus
from io import BytesIO

import pytest
from django.http import HttpResponseBase
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, resolve
from django.utils import timezone

from accounts.callers import Scope, create_token
from accounts.models import Token, User
from indexsite.late_urls import LateAddresses
from tests.life import everything, make_demo
from tests.permissions import CALLS, ROLES, SIGN_IN, Call

pytestmark = pytest.mark.django_db

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
SIGN_INS = ("/account/login/", "/admin/login/")  # the second leads to the first


def routes() -> Iterator[str]:
    """Every route that Django knows, as it spells them."""

    def walk(patterns: list[URLPattern | URLResolver], prefix: str) -> Iterator[str]:
        for pattern in patterns:
            if isinstance(pattern, LateAddresses):
                pattern = pattern.resolver
            if isinstance(pattern, URLResolver):
                yield from walk(pattern.url_patterns, prefix + str(pattern.pattern))
            else:
                yield prefix + str(pattern.pattern)

    yield from walk(get_resolver().url_patterns, "")


ADMIN_ROUTES = sorted(route for route in routes() if route.startswith("admin/"))


@pytest.fixture(autouse=True)
def demo() -> None:
    """A project with members, of whom the owner has a token; an administrator who may do all."""
    make_demo()
    User.objects.create(username="reader")
    User.objects.filter(username="administrator").update(is_superuser=True)
    owner = User.objects.get(username="owner")
    Token.objects.create(
        pk=1, user=owner, digest="d" * 64, hint="ixs_1", scopes=[], projects=[], created_at=timezone.now()
    )


def browser(role: str) -> Client:
    client = Client(raise_request_exception=False)
    if role != "anonymous":
        client.force_login(User.objects.get(username=role))
    return client


def ask(role: str, call: Call) -> HttpResponseBase:
    if call.scope is None:
        client, headers = browser(role), {}
    else:
        client, headers = Client(raise_request_exception=False), _authorization(role, call.scope)
    data = "&".join(f"{name}={value}" for name, value in call.form.items()).encode() or call.body
    stream = {"wsgi.input": BytesIO(data)}  # Django's own for tests fails where more is read than there is
    return client.generic(call.method, call.path, data, call.kind, headers=headers, **stream)  # type: ignore[arg-type]  # WSGI's


def _authorization(role: str, scope: Scope) -> dict[str, str]:
    if role == "anonymous":
        return {}
    scopes = [Scope.READ if role == "reader" else scope]
    user = User.objects.get(username=role)
    token = create_token(user, scopes=scopes, projects=(), now=timezone.now(), lifetime=None)
    return {"Authorization": f"Bearer {token}"}


def answer_of(response: HttpResponseBase) -> int | str:
    leads_to = response.headers.get("location", "")
    return SIGN_IN if leads_to.startswith("/account/login/") else response.status_code


def test_every_route_is_in_the_table() -> None:
    listed = {resolve(call.path).route for call in CALLS}
    assert set(routes()) - set(ADMIN_ROUTES) == listed


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("call", CALLS, ids=str)
def test_everybody_is_answered_as_the_table_says(call: Call, role: str) -> None:
    assert answer_of(ask(role, call)) == call.answers[ROLES.index(role)]


@pytest.mark.parametrize("path", sorted({call.path for call in CALLS}))
def test_what_the_table_does_not_name_is_not_allowed(path: str) -> None:
    """Of the methods, even to those who may all."""
    before = everything()
    for method in METHODS:
        if not any((call.method, call.path) == (method, path) for call in CALLS):
            response = browser("administrator").generic(method, path)
            assert response.status_code == HTTPStatus.METHOD_NOT_ALLOWED, method
    assert everything() == before


@pytest.mark.parametrize("call", [call for call in CALLS if call.method != "GET" and call.scope is None], ids=str)
def test_what_changes_something_by_a_session_needs_a_token_against_forgery(call: Call) -> None:
    client = Client(raise_request_exception=False, enforce_csrf_checks=True)
    client.force_login(User.objects.get(username="owner"))
    before = everything()
    response = client.generic(call.method, call.path, call.body, call.kind)
    assert response.status_code == HTTPStatus.FORBIDDEN
    assert everything() == before


@pytest.mark.parametrize("role", ROLES)
def test_the_administration_is_for_administrators(role: str) -> None:
    before = everything()
    for path, method in itertools.product(admin_paths(), ("GET", "POST")):
        response = browser(role).generic(method, path)
        leads_to_sign_in = response.headers.get("location", "").startswith(SIGN_INS)
        if role == "administrator":
            assert not leads_to_sign_in, path
        else:
            assert leads_to_sign_in or response.status_code == HTTPStatus.FORBIDDEN, path
    assert everything() == before


def admin_paths() -> Iterator[str]:
    """One of each route but that for signing out."""
    for route in ADMIN_ROUTES:
        if "?P" in route:  # the tables of an app, and whatever there is not
            yield "/admin/packages/" if "app_label" in route else "/admin/nothing-here/"
        elif route != "admin/logout/":
            yield "/" + re.sub(r"<[^>]+>", "1", route)
