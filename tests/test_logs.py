"""Log lines of a real index: each names its request or message, none holds a secret, and no client forges one."""

import base64
import http.client
import json
import re
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browsing import Browser, first_password
from tests.conftest import NewIndex
from tests.distributions import wheel
from tests.running import RunningIndex, ask, eventually, free_port

SMALL = {"INDEXSITE_BINS": "4"}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningIndex]:
    """A private index that logs every request as JSON, behind a trusted proxy: this test."""
    variables = {**SMALL, "INDEXSITE_PRIVATE": "1", "INDEXSITE_ACCESS_LOG": "1", "INDEXSITE_LOG_FORMAT": "json"}
    variables["INDEXSITE_TRUSTED_PROXIES"] = "127.0.0.1"
    index = RunningIndex(tmp_path_factory.mktemp("logs") / "data", free_port(), variables).start()
    yield index
    index.stop()


def lines(index: RunningIndex) -> list[dict[str, object]]:
    """The log's lines that are JSON, without the part's name in front."""
    found = [line.partition(" | ")[2] for line in index.log.read_text().splitlines()]
    return [json.loads(line) for line in found if line.startswith("{")]


def line_of(index: RunningIndex, **fields: object) -> dict[str, object]:
    """The newest line with these fields, once it is written."""

    def look() -> dict[str, object] | None:
        matching = [line for line in lines(index) if fields.items() <= line.items()]
        return matching[-1] if matching else None

    found = eventually(look, what=f"a line with {fields}")
    assert found is not None
    return found


def test_a_request_id_is_taken_over_returned_and_logged(index: RunningIndex) -> None:
    reply = index.get("/health/live?token=secret-in-query", X_Request_ID="from-the_proxy.1")
    assert reply.headers["x-request-id"] == "from-the_proxy.1"
    line = line_of(index, request_id="from-the_proxy.1")
    assert line["event"] == "request"
    assert (line["method"], line["path"], line["status"]) == ("GET", "/health/live", 200)
    assert line["bytes"] == len(reply.body)
    assert {"timestamp", "level", "logger", "ms"} <= line.keys()
    assert "secret-in-query" not in index.log.read_text()


@pytest.mark.parametrize("asked", ["", "x" * 65, "two words", 'forged" level=error', "é", "\x1b[31m"])
def test_a_request_id_that_is_not_well_formed_is_replaced(index: RunningIndex, asked: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", index.port)
    connection.request("GET", "/health/live", headers={"X-Request-ID": asked.encode("latin-1")} if asked else {})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    if answer.status == 400:  # the server itself refused the header
        return
    given = answer.headers["X-Request-ID"]
    assert re.fullmatch(r"[0-9a-f]{32}", given)
    assert line_of(index, request_id=given)


def test_an_upload_and_its_publication_can_be_followed(index: RunningIndex) -> None:
    token = index.token()
    assert index.post_upload(*wheel("followed", "1.0"), token=token).status == 200
    line = line_of(index, path="/legacy/", status=200)
    assert line["actor"] == "admin"
    assert isinstance(line["token"], int)
    published = eventually(lambda: [each for each in lines(index) if "is visible" in str(each["event"])])[-1]
    assert f"Publication {published['publication']} is visible" in str(published["event"])
    assert published["act"] in {"publish_waiting_changes", "renew_roles"}
    assert len(str(published["message_id"])) == 36


def test_the_client_is_the_one_that_a_trusted_proxy_names(index: RunningIndex) -> None:
    index.get("/health/live", X_Request_ID="chain", X_Forwarded_For="203.0.113.9, 198.51.100.7, 127.0.0.1")
    assert line_of(index, request_id="chain")["client"] == "198.51.100.7"
    index.get("/health/live", X_Request_ID="nonsense", X_Forwarded_For="not an address")
    assert line_of(index, request_id="nonsense")["client"] == "127.0.0.1"


def test_nobody_else_names_a_client(new_index: NewIndex) -> None:
    index = new_index(
        **SMALL, INDEXSITE_LOG_FORMAT="json", INDEXSITE_TRUSTED_PROXIES="192.0.2.0/24, 2001:db8::1"
    ).start()
    index.get("/health/live", X_Request_ID="forged", X_Forwarded_For="198.51.100.7", X_Forwarded_Host="evil.example")
    assert line_of(index, request_id="forged")["client"] == "127.0.0.1"
    page = index.get("/", X_Forwarded_Host="evil.example", X_Forwarded_Proto="https")
    assert page.status == 200
    assert "evil.example" not in page.text
    assert f"http://127.0.0.1:{index.port}" in page.text


def test_a_trusted_proxy_tells_scheme_and_host(index: RunningIndex) -> None:
    cookie = signed_in(index, first_password(index))
    reply = index.get("/", Cookie=cookie, X_Forwarded_Proto="https", X_Forwarded_Host="localhost")
    assert "https://localhost/simple/" in reply.text


def test_the_read_layer_logs_where_it_is_told_to(index: RunningIndex) -> None:
    index.get("/simple/never-there/?password=secret-in-query")
    line = line_of(index, path="/simple/never-there/")
    assert (line["status"], line["client"]) == (401, "127.0.0.1")


def test_the_read_layer_logs_nothing_by_default(module_index: RunningIndex) -> None:
    module_index.get("/simple/never-there/")
    module_index.get("/health/live", X_Request_ID="after-it")
    eventually(lambda: "after-it" in module_index.log.read_text())
    assert "never-there" not in module_index.log.read_text()


FORGED = "x\nweb    | level=critical event=forged\r\x1b[31m\u2028"


@pytest.mark.parametrize("form", ["logfmt", "json"])
def test_no_client_forges_a_line(module_index: RunningIndex, index: RunningIndex, form: str) -> None:
    target = index if form == "json" else module_index
    ask(f"{target.url}/{urllib.parse.quote(FORGED)}/first")
    ask(f"{target.url}/legacy/{urllib.parse.quote(FORGED)}/second")
    target.post_upload(f"{FORGED}-1.0-py3-none-any.whl", b"x", token=target.token(), name="x", version="1")
    target.get("/health/live", X_Request_ID="after-forgery")
    eventually(lambda: "after-forgery" in target.log.read_text())
    text = target.log.read_bytes().decode()
    assert "event=forged" in text  # it was logged
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028]", text)
    starts = {line.split()[0] for line in text.splitlines() if "forged" in line}
    assert starts == {"web"}
    assert not [line for line in text.splitlines() if line.startswith("web    | level=critical")]


def test_no_secret_reaches_a_log(index: RunningIndex) -> None:
    """A journey with every secret that a user or administrator hands to the index."""
    token, refused, reading = index.token(), index.token("--project", "other"), index.token("--scope", "read")
    admin_password, session = first_password(index), signed_in(index, first_password(index))
    mistyped, wrong_password = f"{token[:-1]}{'x' if token[-1] != 'x' else 'y'}", "a-password-that-is-wrong-0815"
    assert index.twine_upload([saved(index, *wheel("journey", "1.0"))], token=token).returncode == 0
    assert index.post_upload(*wheel("journey", "2.0"), token=refused).status == 403
    assert index.post_upload(*wheel("journey", "2.0"), token=mistyped).status == 401
    assert index.post_upload(*wheel("journey", "2.0"), token=reading).status == 403
    assert index.post_upload(wheel("journey", "2.0")[0], b"no archive", token=token).status == 400
    with pytest.raises(AssertionError):
        signed_in(index, wrong_password)
    basic = base64.b64encode(f"__token__:{reading}".encode()).decode()
    assert index.get("/simple/journey/", Authorization=f"Basic {basic}").status == 200
    assert index.get(f"/simple/?token={token}", Authorization=f"Bearer {mistyped}").status == 401
    assert index.get(f"/project/journey/?token={token}", Cookie=session).status == 200
    assert index.get("/metrics", Authorization=f"Bearer {reading}").status == 200
    assert index.get(f"/admin/no-such-page/?key={token}", Cookie=session).status == 404
    index.get("/health/live", X_Request_ID="after-journey")
    eventually(lambda: "after-journey" in index.log.read_text())
    text = index.log.read_text()
    secrets = {
        "token": token,
        "refused": refused,
        "reading": reading,
        "mistyped": mistyped,
        "basic": basic,
        "password": admin_password,
        "wrong password": wrong_password,
        "session": session.partition("=")[2],
        "secret key": (index.data / "secret-key").read_text(),
    }
    keys = [path.read_text().splitlines()[1] for path in (index.data / "keys").rglob("*.pem")]
    assert [name for name, secret in secrets.items() if secret in text] == []
    assert [key for key in keys if key in text] == []
    assert len(keys) == 11
    assert not re.search(r"ixs_\w{20}", text)


def signed_in(index: RunningIndex, secret: str) -> str:
    """The cookie of a session that was opened by the sign-in form."""
    browser = Browser(index)
    browser.sign_in(password=secret)
    session = browser.cookie("indexsite_session")
    assert session
    return f"indexsite_session={session}"


def saved(index: RunningIndex, filename: str, content: bytes) -> Path:
    path = index.data.parent / filename
    path.write_bytes(content)
    return path
