"""The edges of `/api/v1/`: bodies, methods, throttles, tokens, the schema, and a database that does not answer."""

from typing import Any

import pytest
from django.core.cache import cache
from django.db import OperationalError, connection
from django.test import Client, override_settings
from django.urls import URLResolver
from django.urls.resolvers import RoutePattern
from django.utils import timezone
from drf_spectacular.validation import validate_schema

from accounts.callers import Scope
from accounts.models import Token, User
from api.bodies import DEEPEST, LARGEST
from packages.models import Project
from tests.api import call, get, token
from tests.conftest import NewIndex
from tests.life import everything, make_demo

pytestmark = pytest.mark.django_db
ARCHIVE = "projects/demo/archive/"


@pytest.fixture(autouse=True)
def demo() -> Project:
    cache.clear()
    return make_demo()


def nested(depth: int) -> bytes:
    return b'{"reason": ' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "body-malformed"),
        (b"[]", 400, "body-malformed"),
        (b'"x"', 400, "body-malformed"),
        (b"\xff", 400, "body-malformed"),
        (b'{"reason": "\\ud800"}', 400, "body-malformed"),
        (b'{"reason": NaN}', 400, "body-malformed"),
        (nested(DEEPEST + 1), 400, "body-malformed"),
        (nested(DEEPEST), 422, "body-faulty"),
        (b'{"reason": "' + b"[" * 400 + b'"}', 200, ""),
        (b'{"reason": "\\"' + b"[" * 400 + b'"}', 200, ""),
        (b'{"reason": "' + b" " * LARGEST + b'"}', 413, "body-too-large"),
        (b"[" * (LARGEST - 1), 400, "body-malformed"),
    ],
    ids=range(12),
)
def test_a_body_is_a_small_flat_json_object(body: bytes, status: int, code: str) -> None:
    said = call("POST", ARCHIVE, token("owner", Scope.ADMIN), body, status=status)
    assert status == 200 or said["code"] == code


def test_a_string_that_never_ends_is_taken_whole_when_brackets_are_counted() -> None:
    """And so in one go: looked for its end from each of its quotes, 64 KB kept a processor busy for half a minute."""
    for body in (b'"' + b"[" * 20, b'"' + b'\\"' * (LARGEST // 2 - 10) + b"[" * 9):
        said = call("POST", ARCHIVE, token("owner", Scope.ADMIN), body, status=400)
        assert said["detail"].startswith("The body is no JSON ")


def send(body: bytes, kind: str, **headers: str) -> Any:  # Any: JSON
    credentials = token("owner", Scope.ADMIN)
    answer = Client().generic("POST", f"/api/v1/{ARCHIVE}", body, kind, headers=credentials, **headers)  # type: ignore[arg-type]  # WSGI's
    return answer.json()


def test_what_is_no_json_is_not_even_read() -> None:
    for kind in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", ""):
        assert send(b"reason=x", kind)["code"] == "unsupported-media-type"
    assert send(b"", "application/json", HTTP_TRANSFER_ENCODING="chunked")["code"] == "length-missing"
    assert send(b"{}", "application/json", CONTENT_LENGTH="x")["code"] == "body-malformed"
    assert send(b"{}", "application/json", CONTENT_LENGTH=str(LARGEST + 1))["code"] == "body-too-large"
    assert send(b'{"reason": ""}', "application/json; charset=utf-8") == {"changed": True}


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(method: str) -> None:
    assert call(method, "projects/", status=405)["code"] == "method-not-allowed"


def test_a_head_has_no_body() -> None:
    answer = Client().head("/api/v1/projects/")
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("authorization", ["Bearer x", "Basic x", "Basic " + "x" * 2000, "Digest x", "Bearer"])
def test_credentials_that_are_none_are_refused_where_anybody_may_read(authorization: str) -> None:
    answer = Client().get("/api/v1/projects/", headers={"Authorization": authorization})
    assert (answer.status_code, answer["Content-Type"]) == (401, "application/problem+json")
    assert answer["WWW-Authenticate"] == 'Basic realm="Indexsite"'


def test_revoked_tokens_and_inactive_users_are_refused() -> None:
    headers = token("owner")
    get("me/", headers)
    User.objects.filter(username="owner").update(is_active=False)
    get("me/", headers, status=401)
    headers = token("maintainer")
    Token.objects.update(revoked_at=timezone.now())
    get("projects/", headers, status=401)


@override_settings(API_REQUESTS_PER_ADDRESS=2, API_REQUESTS_PER_USER=3)
def test_who_asks_too_often_waits_for_the_next_minute() -> None:
    def ask(address: str, headers: dict[str, str] | None = None) -> tuple[int, bool]:
        answer = Client().get("/api/v1/projects/", headers=headers or {}, REMOTE_ADDR=address)
        return answer.status_code, 1 <= int(answer.headers.get("Retry-After", 0)) <= 60

    def until_refused(address: str, headers: dict[str, str] | None = None) -> int:
        """How many are let through: over the turn of a minute it may be the double."""
        for count in range(100):
            status, waits = ask(address, headers)
            if status == 429:
                assert waits
                return count
            assert status == 200
        raise AssertionError("nobody counts")

    assert 2 <= until_refused("192.0.2.1") <= 4
    assert ask("192.0.2.2") == (200, False)
    assert 2 <= until_refused("2001:db8::1") <= 4
    assert ask("2001:db8:0:1::1") == (200, False)
    owner = token("owner")
    assert 3 <= until_refused("192.0.2.1", owner) <= 6  # by name, and not by address
    assert ask("192.0.2.9", token("maintainer")) == (200, False)


@override_settings(API_REQUESTS_PER_ADDRESS=1)
def test_one_network_of_ipv6_is_one_who_asks() -> None:
    codes = {Client().get("/api/v1/projects/", REMOTE_ADDR=f"2001:db8::{n}").status_code for n in range(1, 5)}
    assert 429 in codes


@override_settings(API_REQUESTS_PER_ADDRESS=0)
def test_0_is_no_limit() -> None:
    assert {Client().get("/api/v1/me/").status_code for _ in range(20)} == {401}


def browser(name: str) -> Client:
    found = Client()
    found.force_login(User.objects.get(username=name))
    return found


NEW = {"name": "CI", "scopes": ["upload"], "projects": ["De.mo"], "days": 30}


def test_a_session_makes_a_token_whose_text_is_shown_once() -> None:
    mine = browser("owner")
    made = call("POST", "tokens/", None, NEW, status=201, client=mine)
    assert (made["name"], made["scopes"], made["projects"]) == ("CI", ["upload"], ["de-mo"])
    headers = {"Authorization": f"Bearer {made.pop('token')}"}
    assert get("me/", headers)["token"]["id"] == made["id"]
    assert call("GET", "tokens/", client=mine)["results"] == [{**made, "last_used_at": get_last_use()}]
    assert call("GET", "tokens/", client=browser("second"))["results"] == []
    assert call("DELETE", f"tokens/{made['id']}/", client=browser("second"), status=404)["code"] == "token-unknown"
    call("DELETE", f"tokens/{made['id']}/", client=mine)
    get("me/", headers, status=401)
    assert call("GET", "tokens/", client=mine)["results"] == []


def get_last_use() -> str:
    used = Token.objects.get().last_used_at
    assert used is not None
    return used.isoformat().replace("+00:00", "Z")


def test_no_token_makes_another_one() -> None:
    for scopes in ([Scope.READ], [Scope.ADMIN]):
        assert call("POST", "tokens/", token("owner", *scopes), NEW, status=403)["code"] == "session-needed"
    get("tokens/", status=401)


def test_a_token_that_may_act_needs_a_fresh_sign_in() -> None:
    mine = browser("owner")
    asked = {**NEW, "scopes": ["admin"]}
    assert call("POST", "tokens/", None, asked, status=403, client=mine)["code"] == "sign-in-too-old"
    sign_in(mine, "owner")
    assert call("POST", "tokens/", None, asked, status=201, client=mine)["scopes"] == ["admin"]
    session = mine.session
    session["account_authentication_methods"][-1]["at"] -= 3600
    session.save()
    call("POST", "tokens/", None, asked, status=403, client=mine)


def test_such_a_token_is_made_at_the_page_too_after_a_fresh_sign_in() -> None:
    mine, form = browser("owner"), {"name": "robot", "scope": "admin", "projects": "", "days": "30"}
    refused = mine.post("/account/tokens/", form).content.decode()
    assert "needs a sign-in of the last 15 minutes" in refused
    assert not Token.objects.exists()
    sign_in(mine, "owner")
    mine.post("/account/tokens/", form)
    assert Token.objects.get().scopes == ["admin", "upload"]


def sign_in(client: Client, name: str) -> None:
    """At the form, as people do."""
    client.logout()
    user = User.objects.get(username=name)
    user.set_password("a long password")
    user.save()
    client.post("/account/login/", {"login": name, "password": "a long password"})


@pytest.mark.parametrize(
    "change",
    [{"scopes": []}, {"scopes": ["claim"]}, {"days": 0}, {"projects": ["-"]}, {"name": ""}, {"user": "second"}],
    ids=str,
)
def test_a_token_that_cannot_be_meant_is_not_made(change: dict[str, object]) -> None:
    call("POST", "tokens/", None, {**NEW, **change}, status=422, client=browser("owner"))
    assert not Token.objects.exists()


def test_a_token_looks_after_itself_and_only_one_that_may_act_after_others() -> None:
    small, limited, admin = token("owner"), token("owner", Scope.ADMIN, projects=("demo",)), token("owner", Scope.ADMIN)
    ids = list(Token.objects.order_by("pk").values_list("pk", flat=True))

    def seen(headers: dict[str, str]) -> list[int]:
        return [row["id"] for row in get("tokens/", headers)["results"]]

    assert (seen(small), seen(limited), seen(admin)) == ([ids[0]], [ids[1]], ids[::-1])
    assert "ixs_" in str(get("tokens/", admin))
    assert small["Authorization"].removeprefix("Bearer ") not in str(get("tokens/", admin))
    assert get("tokens/?limit=2", admin)["next"].endswith(f"cursor={ids[1]}")
    for headers in (small, limited):
        call("DELETE", f"tokens/{ids[2]}/", headers, status=404)
    call("DELETE", f"tokens/{ids[0]}/", small)
    call("DELETE", f"tokens/{ids[1]}/", admin)
    call("DELETE", f"tokens/{10**30}/", admin, status=404)
    assert seen(admin) == [ids[2]]


LATE = """
import sys
from django.core.management import call_command
from django.test import Client
call_command("check")
client = Client(HTTP_HOST="localhost")
for path in ("/", "/api/v1/nothing/"):
    print("answer", client.get(path).status_code, "rest_framework" in sys.modules)
"""


def test_only_a_process_that_is_asked_for_it_loads_it(new_index: NewIndex) -> None:
    index = new_index()
    index.manage("migrate", "--verbosity", "0")
    said = [line for line in index.manage("shell", "--verbosity", "0", "-c", LATE).splitlines() if "answer" in line]
    assert said == ["answer 200 False", "answer 404 True"]


def test_its_addresses_pass_the_checks_that_come_too_early_for_them() -> None:
    assert URLResolver(RoutePattern(""), "api.urls").check() == []


def test_the_schema_is_openapi_3_1_and_says_what_there_is(capfd: pytest.CaptureFixture[str]) -> None:
    said = get("schema/")
    validate_schema(said)  # type: ignore[no-untyped-call]  # it has no types
    assert said["openapi"].startswith("3.1")
    assert said["servers"] == [{"url": "http://testserver"}]
    assert "Warning" not in capfd.readouterr().err
    for path, item in said["paths"].items():
        assert path.startswith("/api/v1/")
        for operation in item.values():
            assert {"4XX", "503"} <= set(operation["responses"])
            assert operation["description"]


def test_a_database_that_does_not_answer_in_time_is_a_503() -> None:
    headers, before = token("owner", Scope.ADMIN), everything()

    def fail(execute: Any, sql: str, *rest: Any) -> Any:  # Any: Django's
        if "UPDATE" in sql or "INSERT" in sql:
            raise OperationalError("database is locked")
        return execute(sql, *rest)

    get("me/", headers)
    with connection.execute_wrapper(fail):
        answer = Client().post(f"/api/v1/{ARCHIVE}", {}, "application/json", headers=headers)
    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (503, "not-now", "5")
    assert everything() == before
