"""What the loopback proxy answers, and to whom; its source is a fake, its clients speak plain HTTP."""

import http.client
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

import pytest

from client.tests.distributions import wheel
from client.tests.homes import eventually
from indexsite_client import protocol
from indexsite_client.errors import ProjectNotFoundError, VerificationError
from indexsite_client.protocol import NormalizedName, PageFile, ProjectPage
from indexsite_client.proxy import VerifyingProxy

BLOB = wheel("demo-lib")
NAME = BLOB.entry.filename


@dataclass
class FakeSource:
    folder: Path
    fault: Exception | None = None
    provenance: str = ""
    downloads: list[str] = field(default_factory=list)
    handed_over: list[BinaryIO] = field(default_factory=list)

    def page(self, project: NormalizedName) -> ProjectPage:
        if self.fault:
            raise self.fault
        if project != "demo-lib":
            raise ProjectNotFoundError(f"The project {project}")
        return ProjectPage(project, (replace(BLOB.entry, provenance_sha256=self.provenance),))

    def listed(self, project: NormalizedName, filename: str) -> PageFile:
        return next(file for file in self.page(project).files if file.filename == filename)

    def file(self, project: NormalizedName, filename: str) -> BinaryIO:
        self.downloads.append(filename)
        path = self.folder / filename
        path.write_bytes(BLOB.data)
        file = open(path, "rb")  # noqa: SIM115  # the proxy closes it
        path.unlink()  # nothing may look for it by its name again
        self.handed_over.append(file)
        return file

    def metadata(self, project: NormalizedName, filename: str) -> bytes:
        return BLOB.metadata


@pytest.fixture
def source(tmp_path: Path) -> FakeSource:
    return FakeSource(tmp_path)


@pytest.fixture
def proxy(source: FakeSource) -> Iterator[VerifyingProxy]:
    with VerifyingProxy(source) as proxy:
        yield proxy


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes
    headers: dict[str, str]


def ask(proxy: VerifyingProxy, target: str, *, method: str = "GET", host: str = "", **headers: str) -> Reply:
    """Send one request; a target that begins with `simple` or `files` is put behind the run's secret."""
    parts = urlsplit(proxy.index_url)
    if target.startswith(("simple", "files")):
        target = parts.path.removesuffix("simple/") + target
    connection = http.client.HTTPConnection("127.0.0.1", parts.port or 0, timeout=5)
    try:
        sent = {"Host": host or parts.netloc, **{name.replace("_", "-"): value for name, value in headers.items()}}
        connection.request(method, target, headers=sent)
        response = connection.getresponse()
        return Reply(response.status, response.read(), dict(response.getheaders()))
    finally:
        connection.close()


def test_a_page_is_json_for_those_who_accept_it_and_html_for_others(proxy: VerifyingProxy) -> None:
    as_json = ask(proxy, "simple/demo-lib/", Accept=f"{protocol.SIMPLE_JSON}, text/html;q=0.1")
    as_html = ask(proxy, "simple/demo-lib/", Accept="*/*")

    assert as_json.headers["Content-Type"] == protocol.SIMPLE_JSON
    assert json.loads(as_json.body)["files"][0]["url"] == f"../../files/{BLOB.entry.sha256}/{NAME}"
    assert as_html.headers["Content-Type"].startswith("text/html")
    assert f"#sha256={BLOB.entry.sha256}".encode() in as_html.body


@pytest.mark.parametrize("spelling", ["Demo_Lib/", "demo.lib/", "demo-lib"])
def test_other_spellings_are_redirected_within_the_proxy(proxy: VerifyingProxy, spelling: str) -> None:
    reply = ask(proxy, f"simple/{spelling}")

    assert reply.status == 301
    assert proxy.url + reply.headers["Location"] == proxy.index_url + "demo-lib/"


@pytest.mark.parametrize(
    "target", ["simple/", "simple/absent/", "simple/a%2Fb/", "simple/%00/", "files/x/y", "files/a/../b", "simple/b!/"]
)
def test_what_does_not_exist_is_404_and_no_refusal(proxy: VerifyingProxy, target: str) -> None:
    assert ask(proxy, target).status == 404
    assert proxy.refusals.sentences() == []


def test_files_and_their_metadata_are_served_by_hash(proxy: VerifyingProxy, source: FakeSource) -> None:
    assert ask(proxy, f"files/{BLOB.entry.sha256}/{NAME}").body == BLOB.data
    assert ask(proxy, f"files/{BLOB.entry.sha256}/{NAME}.metadata").body == BLOB.metadata
    assert ask(proxy, f"files/{'0' * 64}/{NAME}").status == 404
    assert source.downloads == [NAME]
    eventually(lambda: all(file.closed for file in source.handed_over))


def test_head_of_a_file_tells_its_size_without_a_download(proxy: VerifyingProxy, source: FakeSource) -> None:
    reply = ask(proxy, f"files/{BLOB.entry.sha256}/{NAME}", method="HEAD")

    assert (reply.status, reply.headers["Content-Length"]) == (200, str(len(BLOB.data)))
    assert source.downloads == []


def test_what_does_not_verify_is_403_and_recorded(proxy: VerifyingProxy, source: FakeSource) -> None:
    source.fault = VerificationError("The page of demo-lib was changed.")

    reply = ask(proxy, "simple/demo-lib/")

    assert (reply.status, reply.body) == (403, b"indexsite: The page of demo-lib was changed.\n")
    assert proxy.refusals.sentences() == ["The page of demo-lib was changed."]


def test_an_unforeseen_fault_is_a_refusal(proxy: VerifyingProxy, source: FakeSource) -> None:
    source.fault = ZeroDivisionError("surprise")

    assert ask(proxy, "simple/demo-lib/").status == 403
    assert "surprise" in proxy.refusals.sentences()[0]


def test_the_secret_of_the_run_is_needed(proxy: VerifyingProxy) -> None:
    assert ask(proxy, "/simple/demo-lib/").status == 403
    assert ask(proxy, "/wrong/simple/demo-lib/").status == 403
    assert ask(proxy, "/").status == 403


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost"])
def test_another_host_header_is_refused(proxy: VerifyingProxy, host: str) -> None:
    assert ask(proxy, "simple/demo-lib/", host=host).status == 403


def test_its_own_absolute_address_is_served(proxy: VerifyingProxy) -> None:
    assert ask(proxy, proxy.index_url + "demo-lib/").status == 200


@pytest.mark.parametrize(
    "target",
    ["http://evil.example/simple/", "http://127.0.0.1:9/", "https://127.0.0.1/", "http://user:pw@evil.example/"],
)
def test_other_hosts_are_refused_and_recorded(proxy: VerifyingProxy, target: str) -> None:
    assert ask(proxy, target, host=urlsplit(target).netloc).status == 403
    assert "only the trusted index" in proxy.refusals.sentences()[0]
    assert "pw" not in proxy.refusals.sentences()[0]


def test_an_address_that_cannot_be_read_gets_an_answer(proxy: VerifyingProxy) -> None:
    assert ask(proxy, "http://[").status == 400
    assert ask(proxy, proxy.url).status == 403


@pytest.mark.parametrize("target", ["evil.example:443", "127.0.0.1:9"])
def test_every_connect_is_refused(proxy: VerifyingProxy, target: str) -> None:
    assert ask(proxy, target, method="CONNECT").status == 403
    assert target in proxy.refusals.sentences()[0]


def test_its_own_address_cannot_be_tunnelled_to(proxy: VerifyingProxy) -> None:
    assert ask(proxy, urlsplit(proxy.url).netloc, method="CONNECT").status == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nothing_can_be_sent(proxy: VerifyingProxy, method: str) -> None:
    assert ask(proxy, "simple/demo-lib/", method=method).status == 501


def test_a_long_request_line_is_refused(proxy: VerifyingProxy) -> None:
    assert ask(proxy, "simple/" + "a" * 5000).status == 414


def test_nothing_listens_after_the_run(source: FakeSource) -> None:
    with VerifyingProxy(source) as proxy:
        port = urlsplit(proxy.url).port
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port or 0)) != 0


def test_every_run_has_another_secret(source: FakeSource) -> None:
    with VerifyingProxy(source) as first, VerifyingProxy(source) as second:
        assert urlsplit(first.index_url).path != urlsplit(second.index_url).path


def test_pages_name_no_provenance_for_it_is_not_served_here(proxy: VerifyingProxy, source: FakeSource) -> None:
    before = ask(proxy, "simple/demo-lib/", Accept=protocol.SIMPLE_JSON).body
    source.provenance = "e" * 64
    assert ask(proxy, "simple/demo-lib/", Accept=protocol.SIMPLE_JSON).body == before
