"""Downloads are bounded in length, time and rate, whatever the server does."""

import gzip
import time
import tracemalloc
from collections.abc import Callable, Iterator

import pytest
from tuf.api.exceptions import DownloadError, DownloadHTTPError, DownloadLengthMismatchError, SlowRetrievalError

from client.tests.hostile_mirror import HostileMirror, MirrorHandler
from indexsite_client.credentials import Token
from indexsite_client.errors import UsageError
from indexsite_client.fetcher import Downloads, Pace


@pytest.fixture
def server() -> Iterator[HostileMirror]:
    with HostileMirror({"/tuf/metadata/x.json": b"x" * 1000}) as server:
        yield server


@pytest.fixture
def downloads() -> Iterator[Downloads]:
    downloads = Downloads()
    yield downloads
    downloads.close()


@pytest.fixture
def hasty() -> Iterator[Downloads]:
    downloads = Downloads(pace=Pace(grace=0.3, rate=1000))
    yield downloads
    downloads.close()


def drip(handler: MirrorHandler, bytes_before: bytes, each: bytes) -> None:
    """Send the beginning, then a little at a time until the client hangs up, 30 s at most."""
    handler.wfile.write(bytes_before)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        handler.wfile.write(each)
        handler.wfile.flush()
        handler.server.mirror.stop.wait(0.05)


def drip_body(handler: MirrorHandler) -> None:
    drip(handler, b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x")


def drip_header(handler: MirrorHandler) -> None:
    drip(handler, b"HTTP/1.1 200 OK\r\nX-Long: ", b"x")


def drip_chunk_length(handler: MirrorHandler) -> None:
    drip(handler, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0")


def drip_interim_answers(handler: MirrorHandler) -> None:
    drip(handler, b"", b"HTTP/1.1 103 Early Hints\r\n\r\n")


def say_nothing(handler: MirrorHandler) -> None:
    handler.server.mirror.stop.wait(30)


@pytest.mark.parametrize("way", [drip_body, drip_header, drip_chunk_length, drip_interim_answers, say_nothing])
def test_a_drip_is_refused_after_the_grace(
    server: HostileMirror, hasty: Downloads, way: Callable[[MirrorHandler], None]
) -> None:
    server.behaviours["/slow"] = way

    started = time.monotonic()
    with pytest.raises(SlowRetrievalError):
        hasty.read(server.url + "/slow", 100_000)
    assert time.monotonic() - started < 20  # the drip would go on for 30


def test_metadata_may_come_as_gzip(server: HostileMirror, downloads: Downloads) -> None:
    assert downloads.read(server.url + "/tuf/metadata/x.json", 1000) == b"x" * 1000
    assert server.seen_headers[-1]["Accept-Encoding"] == "gzip"


def test_targets_are_asked_for_as_they_are(server: HostileMirror, downloads: Downloads) -> None:
    assert b"".join(downloads.stream(server.url + "/tuf/metadata/x.json", 1000)) == b"x" * 1000
    assert server.seen_headers[-1]["Accept-Encoding"] == "identity"


def test_a_length_beyond_the_bound_is_refused(server: HostileMirror, downloads: Downloads) -> None:
    with pytest.raises(DownloadLengthMismatchError):
        downloads.read(server.url + "/tuf/metadata/x.json", 999)


def answering(body: bytes, encoding: str) -> Callable[[MirrorHandler], None]:
    return lambda handler: handler.answer(200, body, content_encoding=encoding)


def test_a_gzip_bomb_is_not_inflated(server: HostileMirror, downloads: Downloads) -> None:
    server.behaviours["/bomb"] = answering(gzip.compress(bytes(50_000_000)), "gzip")

    tracemalloc.start()
    try:
        with pytest.raises(DownloadLengthMismatchError):
            downloads.read(server.url + "/bomb", 10_000)
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10_000_000


@pytest.mark.parametrize(
    ("body", "encoding"),
    [(gzip.compress(b"x" * 100)[:-9], "gzip"), (b"not gzip", "gzip"), (b"x", "br")],
    ids=["truncated", "not-gzip", "unasked"],
)
def test_a_wrong_encoding_is_refused(server: HostileMirror, downloads: Downloads, body: bytes, encoding: str) -> None:
    server.behaviours["/odd"] = answering(body, encoding)

    with pytest.raises(DownloadError):
        downloads.read(server.url + "/odd", 1000)


def test_endless_trailing_data_after_gzip_is_refused(server: HostileMirror, downloads: Downloads) -> None:
    server.behaviours["/tail"] = answering(gzip.compress(b"x") + bytes(200_000), "gzip")

    with pytest.raises(DownloadLengthMismatchError):
        downloads.read(server.url + "/tail", 1000)


@pytest.mark.parametrize("status", [204, 206, 301, 302, 404, 500])
def test_only_200_is_an_answer(server: HostileMirror, downloads: Downloads, status: int) -> None:
    server.behaviours["/status"] = lambda handler: handler.answer(status, b"", location="/tuf/metadata/x.json")

    with pytest.raises(DownloadHTTPError) as caught:
        downloads.read(server.url + "/status", 1000)
    assert caught.value.status_code == status
    assert len(server.requests) == 1


def test_a_truncated_answer_is_an_error(server: HostileMirror, downloads: Downloads) -> None:
    def truncate(handler: MirrorHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        handler.close_connection = True

    server.behaviours["/short"] = truncate

    with pytest.raises(DownloadError):
        downloads.read(server.url + "/short", 1000)


PROXIES = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"]


def test_what_goes_to_this_computer_goes_past_the_proxies_of_the_environment(
    server: HostileMirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = server.url.rpartition(":")[2]
    with HostileMirror({}) as proxy:
        for name in PROXIES:
            monkeypatch.setenv(name, proxy.url)
        downloads = Downloads(token=Token("se-cret"))
        try:
            for host in ("127.0.0.1", "localhost"):
                assert downloads.read(f"http://{host}:{port}/tuf/metadata/x.json", 1000) == b"x" * 1000
            with pytest.raises(DownloadError, match="refused"):
                downloads.read("http://[::1]:9/", 10)
        finally:
            downloads.close()
        assert proxy.connections == 0


def test_a_token_is_not_handed_to_a_proxy_in_the_clear_but_other_requests_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = "http://packages.example.org/x"
    with HostileMirror({url: b"through the proxy"}) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        with_token, without = Downloads(token=Token("se-cret")), Downloads()
        try:
            with pytest.raises(UsageError, match="https only"):
                with_token.read(url, 100)
            assert proxy.connections == 0
            assert without.read(url, 100) == b"through the proxy"
        finally:
            with_token.close()
            without.close()


def test_a_closed_port_is_an_error(server: HostileMirror, downloads: Downloads) -> None:
    with pytest.raises(DownloadError):
        downloads.read("http://127.0.0.1:9/", 10)
