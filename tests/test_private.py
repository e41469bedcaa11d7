"""A private index over a real server: every read needs a token or a session, and reading waits for nobody."""

import itertools
import sqlite3
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http import HTTPStatus

import psycopg
import pytest

from tests.distributions import wheel
from tests.permissions import CALLS
from tests.running import RunningIndex, ask, eventually, free_port
from tests.scaled import ScaledIndex, Servers


@pytest.fixture(scope="module", params=["embedded", "scaled"])
def private(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningIndex]:
    folder, variables = tmp_path_factory.mktemp("private"), {"INDEXSITE_PRIVATE": "1"}
    if request.param == "embedded":
        index = RunningIndex(folder / "data", free_port(), variables)
    else:
        shared: Servers = request.getfixturevalue("servers")
        index = ScaledIndex(folder / "data", free_port(), {**shared.variables(folder), **variables}, webs=1, workers=1)
    index.start()
    token = index.token()
    filename, content = wheel("secret-project", "1.0")
    assert index.post_upload(filename, content, token=token).status == 200
    index.wait_until_settled()
    yield index
    index.stop()


READS = [
    "/simple/",
    "/simple/secret-project/",
    "/simple/Secret.Project/",
    "/simple/no-such-project/",
    "/tuf/metadata/timestamp.json",
    "/tuf/metadata/1.root.json",
    "/tuf/log?since=0",
    "/files/" + "0" * 64 + "/secret_project-1.0-py3-none-any.whl",
    *(call.path.replace("demo", "secret-project") for call in CALLS if call.answers[0] == HTTPStatus.OK),
    "/anything/else",
    "//simple/secret-project/",
    "/./simple/secret-project/",
]

DECIDE_THEMSELVES = ("/account/", "/health/")


@pytest.mark.parametrize("path", [path for path in READS if not path.startswith(DECIDE_THEMSELVES)])
def test_every_read_of_a_private_index_needs_a_token(private: RunningIndex, path: str) -> None:
    for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Cookie": "indexsite_session=nonsense"}):
        reply = ask(private.url + path, headers=headers)
        assert reply.status == 401
        assert reply.headers["www-authenticate"] == 'Basic realm="Indexsite"'
        assert b"secret-project" not in reply.body


@pytest.mark.parametrize("scope", ["read", "upload"])
def test_a_token_of_any_scope_reads_a_private_index(private: RunningIndex, scope: str) -> None:
    basic = b64encode(f"__token__:{private.token('--scope', scope)}".encode()).decode()
    page = private.page("secret-project", Authorization=f"Basic {basic}")
    assert page["name"] == "secret-project"
    reply = private.get(page["files"][0]["url"].removeprefix("../.."), Authorization=f"Basic {basic}")
    assert reply.status == 200
    assert reply.headers["cache-control"].startswith("private")


def test_a_revoked_token_stops_reading_within_five_seconds(private: RunningIndex) -> None:
    token = private.token("--scope", "read")
    assert private.page("secret-project", Authorization=f"Bearer {token}")
    script = "from accounts.models import Token; from django.utils.timezone import now;"
    script += f"Token.objects.filter(hint='{token[:10]}').update(revoked_at=now())"
    private.manage("shell", "-c", script)
    eventually(lambda: private.page("secret-project", Authorization=f"Bearer {token}") is None, within=7)


def test_a_revoked_token_stops_uploading(private: RunningIndex) -> None:
    token = private.token()
    assert private.post_upload(*wheel("before", "1.0"), token=token).status == 200
    script = "from accounts.models import Token; from django.utils.timezone import now;"
    script += f"Token.objects.filter(hint='{token[:10]}').update(revoked_at=now())"
    private.manage("shell", "-c", script)
    uploads = (private.post_upload(*wheel("after", f"{number}.0"), token=token) for number in itertools.count())
    eventually(lambda: next(uploads).status == 401, within=7)


def test_an_expired_token_does_not_read(private: RunningIndex) -> None:
    token = private.token("--scope", "read", "--days", "1")
    script = "from accounts.models import Token; from django.utils.timezone import now;"
    script += f"Token.objects.filter(hint='{token[:10]}').update(expires_at=now())"
    private.manage("shell", "-c", script)
    assert private.page("secret-project", Authorization=f"Bearer {token}") is None


def test_a_signed_in_session_reads_and_people_are_sent_to_the_sign_in(private: RunningIndex) -> None:
    browser = private.get("/project/secret-project/", Accept="text/html,*/*;q=0.8")
    assert browser.status == 302
    assert browser.headers["location"] == "/account/login/?next=/project/secret-project/"
    assert private.get("/account/login/").status == 200
    script = (
        "from django.contrib.sessions.backends.db import SessionStore as S; from accounts.models import User;"
        "u = User.objects.get(username='admin'); s = S(); s['_auth_user_id'] = str(u.pk);"
        "s['_auth_user_backend'] = 'allauth.account.auth_backends.AuthenticationBackend';"
        "s['_auth_user_hash'] = u.get_session_auth_hash(); s.create(); print(s.session_key)"
    )
    key = private.manage("shell", "-c", script).split()[-1]
    assert private.get("/simple/secret-project/", Cookie=f"indexsite_session={key}").status == 200
    assert private.get("/project/secret-project/", Cookie=f"indexsite_session={key}").status == 200


def test_health_is_open_on_a_private_index(private: RunningIndex) -> None:
    assert private.get("/health/live").status == 200
    assert private.get("/health/ready").status == 200


def test_the_last_use_of_a_token_is_noted(private: RunningIndex) -> None:
    token = private.token("--scope", "read")
    assert private.page("secret-project", Authorization=f"Bearer {token}")
    script = (
        f"from accounts.models import Token; print(Token.objects.get(hint='{token[:10]}').last_used_at is not None)"
    )
    eventually(lambda: private.manage("shell", "-c", script).split()[-1] == "True", what="the use noted")


def test_reading_waits_for_no_writer(private: RunningIndex) -> None:
    token = private.token("--scope", "read")
    with writing(private):
        assert private.page("secret-project", Authorization=f"Bearer {token}")  # a wait for the writer ends in an error


@contextmanager
def writing(index: RunningIndex) -> Iterator[None]:
    """Hold what a writer of tokens holds."""
    if isinstance(index, ScaledIndex):
        with psycopg.connect(index.variables["INDEXSITE_DATABASE_URL"]) as writer:
            writer.execute("LOCK TABLE accounts_token IN SHARE ROW EXCLUSIVE MODE")
            yield
            writer.rollback()
        return
    with closing(sqlite3.connect(index.data / "indexsite.sqlite3", isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        yield
        writer.execute("ROLLBACK")
