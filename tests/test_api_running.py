"""`/api/v1/` of running indexes, on either database and as on several machines: its lists, and acts that are signed."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from tests.distributions import sdist, wheel
from tests.running import RunningIndex, ask, eventually

FILES = [wheel("demo", "1.0"), sdist("demo", "1.0"), wheel("demo", "2.0")]


@pytest.fixture(scope="module")
def token(any_index: RunningIndex) -> str:
    """Of an administrator who owns the project demo, and may act."""
    token = any_index.token("--scope", "admin", "--scope", "upload")
    for filename, content in FILES:
        assert any_index.post_upload(filename, content, token=token).status == 200
    any_index.wait_until_listed("demo", *[filename for filename, _ in FILES])
    return token


def call(
    index: RunningIndex, token: str, method: str, path: str, said: object = None, *, status: int = 200
) -> Any:  # Any: JSON
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    body = None if said is None else json.dumps(said).encode()
    if body is not None:
        headers["Content-Type"] = "application/json"
    reply = ask(f"{index.url}/api/v1/{path}", method=method, headers=headers, body=body)
    assert reply.status == status, reply.text
    assert reply.headers["content-type"] == ("application/json" if status < 400 else "application/problem+json")
    return reply.json()


def test_lists_are_answered_page_by_page(any_index: RunningIndex, token: str) -> None:
    paths = ["projects/?prefix=de&status=active", "projects/?mine=true", "releases/", "files/"]
    paths += ["projects/demo/releases/", "projects/demo/files/?state=published", "projects/demo/files/?version=1.0"]
    paths += ["journal/", "journal/?act=file.added&since=2020-01-01T00:00:00Z", "projects/demo/journal/", "tokens/"]
    for path in paths:
        whole = call(any_index, token, "GET", path)["results"]
        assert whole, path
        following, seen = f"{path}{'&' if '?' in path else '?'}limit=1", list[Any]()  # Any: JSON
        while following and len(seen) <= len(whole) + 200:
            page = call(any_index, token, "GET", following.removeprefix(f"{any_index.url}/api/v1/"))
            seen += page["results"]
            following = page["next"] or ""
        assert seen[-len(whole) :] == whole, path
    assert call(any_index, token, "GET", "projects/demo/journal/?since=2100-01-01T00:00:00Z")["results"] == []


def test_a_file_is_where_the_api_says(any_index: RunningIndex, token: str) -> None:
    for filename, content in FILES:
        file = call(any_index, "", "GET", f"projects/demo/files/{filename}/")
        assert ask(file["url"]).body == content
        assert file["metadata_hashes"] or filename.endswith(".tar.gz")


@pytest.mark.parametrize("name", ["%00", "a%00b", "%ff", "%ed%a0%80", "😀", "x" * 300, "%0a", "'", "%25", "a%2fb"])
def test_no_name_is_too_odd_to_be_answered(any_index: RunningIndex, token: str, name: str) -> None:
    odd = name if "%" in name else quote(name)
    for path in (f"projects/{odd}/", f"projects/demo/files/{odd}/", f"projects/demo/releases/{odd}/"):
        call(any_index, token, "GET", path, status=404)
    call(any_index, token, "DELETE", f"projects/demo/members/{odd}/", status=404)
    call(any_index, token, "POST", f"me/invitations/{odd}/accept/", status=404)
    for query in (f"projects/?prefix={odd}", f"projects/?cursor={odd}", f"journal/?act={odd}"):
        call(any_index, token, "GET", query, status=400)


def test_acts_are_signed(any_index: RunningIndex, token: str) -> None:
    assert call(any_index, token, "POST", "projects/demo/releases/1/yank/", {"reason": "broken"}) == {"changed": True}
    eventually(lambda: any_index.page("demo")["files"][0].get("yanked") == "broken", what="the yank")
    assert call(any_index, "", "GET", "projects/demo/releases/1.0/")["yanked"] == "broken"
    told = call(any_index, token, "DELETE", "projects/demo/releases/1.0/?dry_run=true")
    assert (told["dry_run"], told["files"]) == (True, sorted(filename for filename, _ in FILES[:2]))
    call(any_index, token, "POST", "projects/demo/archive/", {"reason": "done"})
    eventually(lambda: any_index.page("demo")["project-status"] == {"status": "archived", "reason": "done"})
    assert len(any_index.page("demo")["files"]) == 3  # the dry run was none
    assert call(any_index, token, "DELETE", "projects/demo/releases/1.0/")["files"] == told["files"]
    eventually(lambda: len(any_index.page("demo")["files"]) == 1, what="the deletion")
    acts = [row["act"] for row in call(any_index, token, "GET", "projects/demo/journal/?limit=4")["results"]]
    assert acts == ["release.deleted", "file.deleted", "file.deleted", "project.archived"]


def test_credentials_are_asked_for(any_index: RunningIndex, token: str) -> None:
    assert call(any_index, "", "POST", "projects/demo/archive/", {}, status=401)["code"] == "credentials-missing"
    assert call(any_index, "nonsense", "GET", "projects/", status=401)["code"] == "token-invalid"
    assert (
        call(any_index, any_index.token(), "POST", "projects/demo/archive/", {}, status=403)["code"] == "scope-missing"
    )
