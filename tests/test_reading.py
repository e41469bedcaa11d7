"""The thin read layer over a real server: forms, encodings, conditions, ranges."""

import gzip
import hashlib
import html.parser
import json

import pytest

from tests.distributions import sdist, wheel
from tests.running import SIMPLE_JSON, RunningIndex, ask

SIMPLE_HTML = "application/vnd.pypi.simple.v1+html"
PIP_ACCEPT = f"{SIMPLE_JSON}, {SIMPLE_HTML}; q=0.1, text/html; q=0.01"


@pytest.fixture(scope="module")
def index(each_mode: RunningIndex) -> RunningIndex:
    """An index with the project demo-project: a wheel, an sdist, and a wheel too large to be kept in memory."""
    import os

    token = each_mode.token()
    files = [wheel("Demo.Project", "1.0"), sdist("demo-project", "1.0")]
    files.append(wheel("demo_project", "2.0", members={"big.bin": os.urandom(600_000)}))
    for filename, content in files:
        assert each_mode.post_upload(filename, content, token=token).status == 200
    each_mode.wait_until_listed("demo-project", *(filename for filename, _ in files))
    return each_mode


FORMS = [
    ("", "text/html; charset=utf-8"),
    ("*/*", "text/html; charset=utf-8"),
    ("text/html", "text/html; charset=utf-8"),
    (SIMPLE_JSON, SIMPLE_JSON),
    (PIP_ACCEPT, SIMPLE_JSON),
    ("application/vnd.pypi.simple.latest+json", SIMPLE_JSON),
    (SIMPLE_HTML, f"{SIMPLE_HTML}; charset=utf-8"),
    (f"{SIMPLE_JSON};q=0.1, text/html", "text/html; charset=utf-8"),
    (f"{SIMPLE_JSON};q=0, */*", "text/html; charset=utf-8"),
]


@pytest.mark.parametrize(("accept", "kind"), FORMS)
@pytest.mark.parametrize("path", ["/simple/", "/simple/demo-project/"])
def test_pages_come_in_the_form_that_was_asked_for(index: RunningIndex, path: str, accept: str, kind: str) -> None:
    reply = index.get(path, Accept=accept)
    assert reply.status == 200
    assert reply.headers["content-type"] == kind
    assert "Accept" in reply.headers["vary"]


def test_a_form_that_does_not_exist_is_406(index: RunningIndex) -> None:
    assert index.get("/simple/demo-project/", Accept="application/xml").status == 406


def test_the_html_page_says_what_the_json_page_says(index: RunningIndex) -> None:
    page = index.page("demo-project")
    links: list[dict[str, str | None]] = []

    class Links(html.parser.HTMLParser):
        def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
            if tag == "a":
                links.append(dict(attributes))

    Links().feed(index.get("/simple/demo-project/", Accept="text/html").text)
    expected = [f"{file['url']}#sha256={file['hashes']['sha256']}" for file in page["files"]]
    assert [link["href"] for link in links] == expected
    hashes = [(file["core-metadata"] and f"sha256={file['core-metadata']['sha256']}") or None for file in page["files"]]
    assert [link.get("data-core-metadata") for link in links] == hashes


def test_the_page_has_what_the_peps_ask_for(index: RunningIndex) -> None:
    page = index.page("demo-project")
    assert page["meta"]["api-version"] == "1.4"
    assert page["name"] == "demo-project"
    assert page["versions"] == ["1.0", "2.0"]
    for file in page["files"]:
        assert file["url"].startswith("../../files/")
        assert file["upload-time"].endswith("Z")
        assert file["size"] > 0


def test_the_list_names_each_project_once_and_carries_a_serial(index: RunningIndex) -> None:
    listed = index.get("/simple/", Accept=SIMPLE_JSON).json()
    assert listed["projects"] == [{"name": "demo-project"}]
    assert listed["meta"]["_last-serial"] > 1_700_000_000


@pytest.mark.parametrize("path", ["/simple/", "/simple/demo-project/", "/tuf/metadata/timestamp.json"])
@pytest.mark.parametrize("accept", [SIMPLE_JSON, "text/html"])
def test_an_unchanged_answer_is_304(index: RunningIndex, path: str, accept: str) -> None:
    first = index.get(path, Accept=accept)
    assert first.headers["cache-control"] == "no-cache"
    again = index.get(path, Accept=accept, If_None_Match=f'"other", W/{first.headers["etag"]}')
    assert (again.status, again.body) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert index.get(path, Accept=accept, If_None_Match='"other"').status == 200


def test_each_form_and_encoding_has_an_etag_of_its_own(index: RunningIndex) -> None:
    etags = {
        index.get("/simple/demo-project/", Accept=accept, Accept_Encoding=encoding).headers["etag"]
        for accept in (SIMPLE_JSON, SIMPLE_HTML, "text/html")
        for encoding in ("identity", "gzip")
    }
    assert len(etags) == 6


def test_gzip_is_used_only_where_asked_for_and_holds_the_same(index: RunningIndex) -> None:
    for path in ("/simple/demo-project/", f"/tuf/metadata/{snapshot_name(index)}"):
        plain = index.get(path, Accept=SIMPLE_JSON)
        assert "content-encoding" not in plain.headers
        packed = index.get(path, Accept=SIMPLE_JSON, Accept_Encoding="br, gzip;q=0.5")
        assert packed.headers["content-encoding"] == "gzip"
        assert gzip.decompress(packed.body) == plain.body
        refused = index.get(path, Accept=SIMPLE_JSON, Accept_Encoding="gzip;q=0")
        assert "content-encoding" not in refused.headers


def test_files_are_never_sent_with_a_content_encoding(index: RunningIndex) -> None:
    for file in index.page("demo-project")["files"]:
        for path in (file_path(file), f"/tuf/targets/demo-project/{file['hashes']['sha256']}.{file['filename']}"):
            reply = index.get(path, Accept_Encoding="gzip")
            assert "content-encoding" not in reply.headers
            assert hashlib.sha256(reply.body).hexdigest() == file["hashes"]["sha256"]


def test_what_never_changes_is_immutable(index: RunningIndex) -> None:
    file = index.page("demo-project")["files"][0]
    for path in (file_path(file), f"{file_path(file)}.metadata", f"/tuf/metadata/{snapshot_name(index)}"):
        if file["core-metadata"] or not path.endswith(".metadata"):
            assert index.get(path).headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("number", [0, 2])
def test_ranges_of_small_and_large_files(index: RunningIndex, number: int) -> None:
    file = index.page("demo-project")["files"][number]
    path, whole = file_path(file), index.get(file_path(file)).body
    assert index.get(path).headers["accept-ranges"] == "bytes"
    for header, expected in (("bytes=0-9", whole[:10]), ("bytes=-5", whole[-5:]), ("bytes=7-", whole[7:])):
        reply = index.get(path, Range=header)
        assert (reply.status, reply.body) == (206, expected)
        assert reply.headers["content-range"].endswith(f"/{len(whole)}")
    beyond = index.get(path, Range=f"bytes={len(whole)}-")
    assert (beyond.status, beyond.headers["content-range"]) == (416, f"bytes */{len(whole)}")
    for nonsense in ("bytes=9-3", "lines=1-2", "bytes=-", "bytes=0-1,4-5"):
        assert index.get(path, Range=nonsense).status == 200
    changed = index.get(path, Range="bytes=0-9", If_Range='"another"')
    assert (changed.status, changed.body) == (200, whole)


@pytest.mark.parametrize("path", ["/simple/", "/simple/demo-project/", "/tuf/metadata/timestamp.json", "/simple/no/"])
def test_head_is_get_without_its_body(index: RunningIndex, path: str) -> None:
    got, head = index.get(path), ask(index.url + path, method="HEAD")
    assert head.body == b""
    assert head.status == got.status
    assert {k: v for k, v in head.headers.items() if k != "date"} == {
        k: v for k, v in got.headers.items() if k != "date"
    }


def test_head_of_a_large_file_has_its_length(index: RunningIndex) -> None:
    file = index.page("demo-project")["files"][2]
    assert ask(index.url + file_path(file), method="HEAD").headers["content-length"] == str(file["size"])


def test_other_methods_are_405(index: RunningIndex) -> None:
    assert ask(f"{index.url}/simple/", method="POST", body=b"x").status == 405
    assert ask(f"{index.url}/tuf/metadata/timestamp.json", method="DELETE").status == 405


REDIRECTS = [
    ("/simple/Demo.Project/", "../demo-project/"),
    ("/simple/demo_project/", "../demo-project/"),
    ("/simple/demo-project", "demo-project/"),
    ("/simple/Demo.Project", "demo-project/"),
    ("/simple", "simple/"),
]


@pytest.mark.parametrize(("path", "location"), REDIRECTS)
def test_an_unnormalized_name_is_redirected_relatively(index: RunningIndex, path: str, location: str) -> None:
    reply = index.get(path)
    assert (reply.status, reply.headers["location"]) == (301, location)


MISSING = [
    "/simple/no-such-project/",
    "/simple/demo-project/index.json",
    "/simple/..%2f..%2fsecret-key/",
    "/files/" + "0" * 64 + "/demo_project-1.0-py3-none-any.whl",
    "/files/../../secret-key",
    "/tuf/metadata/2.root.json",
    "/tuf/metadata/1.nothing.json",
    "/tuf/metadata/..%2f..%2fkeys%2fonline.pem",
    "/tuf/metadata/1.root.json/",
    "/tuf/targets/demo-project/" + "0" * 64 + ".index.json",
    "/tuf/",
]


@pytest.mark.parametrize("path", MISSING)
def test_what_is_missing_is_a_plain_404_that_is_not_stored(index: RunningIndex, path: str) -> None:
    reply = index.get(path)
    assert reply.status == 404
    assert reply.headers["cache-control"] == "no-store"
    assert reply.headers["content-type"].startswith("text/plain")


def test_a_file_is_served_only_under_its_own_name(index: RunningIndex) -> None:
    file = index.page("demo-project")["files"][0]
    assert index.get(f"/files/{file['hashes']['sha256']}/other_project-1.0-py3-none-any.whl").status == 404


def test_a_file_that_waits_for_its_signature_is_not_served(index: RunningIndex) -> None:
    script = "from indexsite_client.protocol import *; from storage.contract import *;"
    script += "the_storage().write({blob_name('a' * 64): b'bytes of an unsigned file'})"
    index.manage("shell", "-c", script)
    assert index.get("/files/" + "a" * 64 + "/demo_project-9.0-py3-none-any.whl").status == 404
    assert index.get("/tuf/targets/demo-project/" + "a" * 64 + ".demo_project-9.0-py3-none-any.whl").status == 404


def test_the_signed_page_is_the_page_that_is_served(index: RunningIndex) -> None:
    body = index.get("/simple/demo-project/", Accept=SIMPLE_JSON).body
    target = f"/tuf/targets/demo-project/{hashlib.sha256(body).hexdigest()}.index.json"
    assert index.get(target).body == body


def file_path(file: dict[str, object]) -> str:
    return str(file["url"]).removeprefix("../..")


def snapshot_name(index: RunningIndex) -> str:
    timestamp = json.loads(index.get("/tuf/metadata/timestamp.json").body)
    return f"{timestamp['signed']['meta']['snapshot.json']['version']}.snapshot.json"
