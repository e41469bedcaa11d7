"""The object storage against a real store that checks signatures, and through a proxy that fails as it is told to."""

import io
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from indexsite.addresses import read_object_store
from storage.contract import ReplacedMeanwhileError, StorageUnavailableError
from storage.objects import PART, DurableObjectStorage
from tests.faulty import FaultyProxy, faulty_proxy
from tests.objects import SECRET, ObjectServer

BUCKET = "object-tests"


@pytest.fixture(scope="module")
def proxy(objects: ObjectServer) -> Iterator[FaultyProxy]:
    objects.new_bucket(BUCKET)
    with faulty_proxy(objects.port) as proxy:
        yield proxy


@pytest.fixture
def store(objects: ObjectServer, proxy: FaultyProxy, tmp_path: Path) -> DurableObjectStorage:
    """The storage, through the proxy, under a prefix of the test's own."""
    proxy.set("")
    return storage(objects.url(BUCKET, port=proxy.port), tmp_path)


def storage(url: str, tmp_path: Path, prefix: str = "") -> DurableObjectStorage:
    place = read_object_store(url)
    return DurableObjectStorage(
        incoming=tmp_path / "incoming",
        addressing="path",
        bucket_name=place.bucket,
        location=prefix or f"{place.prefix}/{tmp_path.name}",
        endpoint_url=place.endpoint,
        region_name=place.region,
        access_key=place.access_key,
        secret_key=place.secret_key,
    )


def received(store: DurableObjectStorage, content: bytes) -> Path:
    path = store.incoming_folder() / "upload-1"
    path.write_bytes(content)
    return path


def content_of(store: DurableObjectStorage, name: str) -> bytes:
    with store.open(name) as file:
        return file.read()


def test_a_wrong_secret_is_refused_and_not_repeated(objects: ObjectServer, store: object, tmp_path: Path) -> None:
    for secret in ("wrong-secret", SECRET + "x"):
        other = storage(objects.url(BUCKET, secret=secret), tmp_path)
        with pytest.raises(StorageUnavailableError, match="check the key and the secret") as caught:
            other.write({"name": b"content"})
        assert secret not in str(caught.value)


def test_what_is_missing_is_missing_and_a_missing_bucket_is_said(
    objects: ObjectServer, store: DurableObjectStorage, tmp_path: Path
) -> None:
    assert not store.exists("nothing")
    for ask in (lambda: store.open("nothing"), lambda: store.size("nothing"), store.watch("nothing")):
        with pytest.raises(FileNotFoundError):
            ask()
    with pytest.raises(StorageUnavailableError, match="no bucket no-such-bucket; make it"):
        storage(objects.url("no-such-bucket"), tmp_path).open("name")


@pytest.mark.parametrize("size", [0, 10, PART + 5])
def test_a_received_file_is_sent_once_and_removed_here(store: DurableObjectStorage, size: int) -> None:
    content = os.urandom(size)
    for _ in range(2):
        path = received(store, content)
        store.write({"blobs/aa": path})
        assert not path.exists()
        assert content_of(store, "blobs/aa") == content
        assert store.size("blobs/aa") == size


def test_a_file_that_could_not_be_sent_stays_and_is_sent_again(store: DurableObjectStorage, proxy: FaultyProxy) -> None:
    path = received(store, b"content")
    proxy.set("error", only="PUT")
    with pytest.raises(StorageUnavailableError, match="running and within reach"):
        store.write({"blobs/bb": path})
    assert path.exists()
    proxy.set("")
    store.write({"blobs/bb": path})
    assert content_of(store, "blobs/bb") == b"content"


def test_many_files_are_written_though_some_puts_fail_at_first(store: DurableObjectStorage, proxy: FaultyProxy) -> None:
    files = {f"metadata/{number}": os.urandom(2000) for number in range(40)}
    proxy.set("error", only="PUT", times=2)
    store.write(files)
    assert proxy.failed == 2
    assert {name: content_of(store, name) for name in files} == files


def test_a_replacement_is_conditional(store: DurableObjectStorage) -> None:
    store.replace("timestamp.json", b"1", expected=None)
    for expected in (None, b"0", b""):
        with pytest.raises(ReplacedMeanwhileError):
            store.replace("timestamp.json", b"2", expected=expected)
    assert content_of(store, "timestamp.json") == b"1"
    store.replace("timestamp.json", b"2", expected=b"1")
    assert content_of(store, "timestamp.json") == b"2"


def test_of_many_publishers_that_replace_at_once_one_wins(store: DurableObjectStorage) -> None:
    current: bytes | None = None
    for turn in range(5):
        won: list[bytes] = []
        ready = threading.Barrier(6)

        def replace(content: bytes, expected: bytes | None = current) -> None:
            ready.wait()  # noqa: B023  # joined below, within the turn
            try:
                store.replace("timestamp.json", content, expected=expected)
            except ReplacedMeanwhileError:
                return
            won.append(content)  # noqa: B023  # as above

        threads = [threading.Thread(target=replace, args=(f"{turn}-{number}".encode(),)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        current = content_of(store, "timestamp.json")
        assert won == [current]


@pytest.mark.parametrize("times", [1, 2])
def test_a_replacement_whose_answer_was_lost_has_succeeded(
    store: DurableObjectStorage, proxy: FaultyProxy, times: int
) -> None:
    store.replace("timestamp.json", b"1", expected=None)
    proxy.set("lose", only="PUT", times=times)
    store.replace("timestamp.json", b"2", expected=b"1")
    assert content_of(store, "timestamp.json") == b"2"


def test_a_replacement_that_never_arrived_has_failed(store: DurableObjectStorage, proxy: FaultyProxy) -> None:
    store.replace("timestamp.json", b"1", expected=None)
    proxy.set("error", only="PUT")
    with pytest.raises(StorageUnavailableError):
        store.replace("timestamp.json", b"2", expected=b"1")
    assert content_of(store, "timestamp.json") == b"1"


def test_reading_goes_on_where_the_connection_broke(store: DurableObjectStorage, proxy: FaultyProxy) -> None:
    content = os.urandom(3_000_000)
    store.write({"blobs/cc": content})
    proxy.set("cut", only="GET", times=2)
    with store.open("blobs/cc") as file:
        pieces = list(iter(lambda: file.read(100_000), b""))
    assert proxy.failed == 2
    assert b"".join(pieces) == content
    proxy.set("cut", only="GET", times=1)
    with store.open("blobs/cc") as file:
        assert file.read(len(content) + 1) == content  # one read is whole, as of a local file
    proxy.set("cut", only="GET")
    with pytest.raises(StorageUnavailableError, match="broke off"), store.open("blobs/cc") as file:
        file.read()


def test_a_part_is_read_without_the_rest(store: DurableObjectStorage) -> None:
    content = os.urandom(1_000_000)
    store.write({"blobs/dd": content})
    with store.open("blobs/dd") as file:
        file.seek(999_990)
        assert (file.read(100), file.read(100)) == (content[-10:], b"")
        file.seek(-5, io.SEEK_END)
        assert file.read() == content[-5:]
        file.seek(7)
        assert file.tell() == 7
        assert file.read(3) == content[7:10]


def test_a_store_that_keeps_conditions_passes_the_check(store: DurableObjectStorage) -> None:
    store.check()
    listed = store.client.list_objects_v2(Bucket=BUCKET, Prefix=store.location)
    assert listed["KeyCount"] == 0


def test_a_store_that_ignores_conditions_is_refused(tmp_path: Path) -> None:
    class Agreeable(BaseHTTPRequestHandler):
        """Says yes to everything."""

        def do_PUT(self) -> None:  # noqa: N802  # http.server's name
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_DELETE = do_PUT  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Agreeable) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"s3://K:S@127.0.0.1:{server.server_address[1]}/bucket?tls=0"
        with pytest.raises(StorageUnavailableError, match="keeps conditional puts"):
            storage(url, tmp_path, prefix="prefix").check()
        server.shutdown()


def test_a_store_that_nobody_runs_is_said(tmp_path: Path) -> None:
    gone = storage("s3://K:S@127.0.0.1:1/bucket?tls=0", tmp_path, prefix="prefix")
    with pytest.raises(StorageUnavailableError, match="EndpointConnectionError; is the store") as caught:
        gone.exists("name")
    assert ":S@" not in str(caught.value)
