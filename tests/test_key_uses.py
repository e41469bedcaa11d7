"""Each use of an online key is recorded and told to a sink, before anybody can see what was signed."""

import hashlib
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from django.utils import timezone
from pydantic import SecretStr
from pytest_django import Settings

from indexsite.environment import SettingError, read_environment
from indexsite.operation.figures import IndexFigures
from indexsite_client.protocol import canonical_json
from storage.contract import TIMESTAMP, read_bytes
from tests.running import free_port
from tests.test_publishers import add_file, listed
from tests.test_publishers import publisher as publisher  # a fixture
from tufsigning import key_uses
from tufsigning.core.documents import read_signed
from tufsigning.errors import UseUntoldError
from tufsigning.library import Library
from tufsigning.models import Document, KeyUse
from tufsigning.publisher import Publisher

pytestmark = pytest.mark.django_db
LINE = re.compile(rb"<85>1 [0-9TZ:.-]+ \S+ indexsite [0-9]+ key-use - \xef\xbb\xbf(\{.*\})", re.DOTALL)


def published(publisher: Publisher, name: str) -> KeyUse:
    """Publish a file; the record of it."""
    add_file(name)
    assert publisher.publish_waiting(timezone.now) == 1
    use = KeyUse.objects.order_by("-number").first()
    assert use is not None
    return use


@pytest.fixture
def sink(settings: Settings) -> Callable[[str], None]:
    def choose(url: str, *, required: bool = False) -> None:
        settings.KEY_USE_SINK, settings.KEY_USE_REQUIRED = SecretStr(url), required

    return choose


def test_a_publication_leaves_one_record_that_names_key_roles_and_what_was_signed(publisher: Publisher) -> None:
    use = published(publisher, "demo")
    current = Library().current()
    number = read_signed(current.snapshot)["version"]
    [key_id] = read_signed(current.roots[-1])["roles"]["timestamp"]["keyids"]
    assert (use.number, use.publication, use.key_id, use.is_told) == (2, number, key_id, None)  # 1 is the ceremony's
    assert use.roles.keys() > {"snapshot", "timestamp"}
    signed = Document.objects.filter(claimed_at__gte=use.at).exclude(role__in=["root", "targets", "unclaimed"])
    rows = sorted([role, version, sha256] for role, version, sha256 in signed.values_list("role", "version", "sha256"))
    assert {role: version for role, version, _ in rows} == use.roles
    assert use.digest == hashlib.sha256(canonical_json(rows)).hexdigest()


def test_what_offline_keys_signed_is_no_use_of_the_online_key(publisher: Publisher) -> None:
    first = KeyUse.objects.get()
    assert first.roles.keys().isdisjoint({"root", "targets", "claimed", "unclaimed"})
    assert first.documents == len(first.roles) == 7  # recently-claimed, four bins, snapshot, timestamp


def test_a_record_that_was_changed_or_removed_is_found(publisher: Publisher) -> None:
    for name in ("one", "two", "three"):
        published(publisher, name)
    assert list(key_uses.find_faults()) == []
    KeyUse.objects.filter(number=2).update(key_id="f" * 64)
    [fault] = key_uses.find_faults()
    assert fault.startswith("Use 2 of an online key")
    KeyUse.objects.filter(number=2).delete()
    assert "2 to 2 are missing" in " ".join(key_uses.find_faults())


@contextmanager
def receiving(kind: str, folder: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """A syslog receiver: its address as a sink, and how to have what it received."""
    if kind == "syslog+unix":
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
            receiver.bind(str(folder / "log"))
            receiver.settimeout(10)
            yield f"syslog+unix://{folder / 'log'}", lambda: receiver.recv(65_536)
        return
    stream = socket.SOCK_STREAM if kind == "syslog+tcp" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, stream) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(10)
        if kind == "syslog+tcp":
            receiver.listen()
        yield f"{kind}://127.0.0.1:{receiver.getsockname()[1]}", lambda: _received(receiver, kind)


def _received(receiver: socket.socket, kind: str) -> bytes:
    if kind == "syslog":
        return receiver.recv(65_536)
    connection, _ = receiver.accept()
    with connection, connection.makefile("rb") as file:
        length, _, line = file.read().partition(b" ")
        assert int(length) == len(line)  # RFC 6587
        return line


@pytest.mark.parametrize("kind", ["syslog", "syslog+tcp", "syslog+unix"])
def test_syslog_is_told_of_each_use(
    publisher: Publisher, sink: Callable[[str], None], tmp_path: Path, kind: str
) -> None:
    with receiving(kind, tmp_path) as (url, received):
        sink(url)
        use = published(publisher, "demo")
        found = LINE.fullmatch(received())
    assert found is not None
    said = json.loads(found[1])
    assert (said["number"], said["sha256"], said["index"]) == (2, use.sha256, Library().current().index_id)
    assert use.is_told is True


@contextmanager
def webhook(status: int) -> Iterator[tuple[str, list[bytes], list[bytes]]]:
    """A webhook: its address, what it received, and timestamp.json as it was then."""
    bodies: list[bytes] = []
    timestamps: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            timestamps.append(read_bytes(TIMESTAMP, limit=16_000) or b"")
            self.send_response(status)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook?token=secret", bodies, timestamps
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_webhook_is_told_before_the_publication_is_visible(publisher: Publisher, sink: Callable[[str], None]) -> None:
    before = read_bytes(TIMESTAMP, limit=16_000)
    with webhook(204) as (url, bodies, timestamps):
        sink(url)
        use = published(publisher, "demo")
    assert json.loads(bodies[0])["sha256"] == use.sha256
    assert timestamps == [before]
    assert read_bytes(TIMESTAMP, limit=16_000) != before


@pytest.mark.parametrize("status", [302, 403, 500])
def test_a_sink_that_refuses_is_loud_and_publication_goes_on(
    publisher: Publisher, sink: Callable[[str], None], caplog: pytest.LogCaptureFixture, status: int
) -> None:
    with webhook(status) as (url, _, _):
        sink(url)
        use = published(publisher, "demo")
    assert len(listed("demo")) == 1
    assert use.is_told is False
    assert "could not be told to INDEXSITE_KEY_USE_SINK" in caplog.text
    assert str(status) in caplog.text
    assert "secret" not in caplog.text
    assert figure("indexsite_key_uses_untold") == 1


@pytest.mark.parametrize("kind", ["http", "syslog+tcp", "syslog+unix"])
def test_a_required_sink_that_is_away_stops_publication_until_it_is_back(
    publisher: Publisher, sink: Callable[..., None], tmp_path: Path, kind: str
) -> None:
    away = f"{kind}://127.0.0.1:{free_port()}/" if kind != "syslog+unix" else f"syslog+unix://{tmp_path / 'none'}"
    sink(away, required=True)
    before = read_bytes(TIMESTAMP, limit=16_000)
    add_file("demo")
    with pytest.raises(UseUntoldError, match="nothing is published until it can"):
        publisher.publish_waiting(timezone.now)
    assert read_bytes(TIMESTAMP, limit=16_000) == before
    with webhook(200) as (url, bodies, _):
        sink(url, required=True)
        assert publisher.publish_waiting(timezone.now) == 1
    assert json.loads(bodies[0])["number"] == 3  # the second is burnt, and on record
    assert len(listed("demo")) == 1
    assert list(key_uses.find_faults()) == []


def figure(name: str) -> float:
    [family] = [each for each in IndexFigures().collect() if each.name == name]
    return family.samples[0].value


@pytest.mark.parametrize(
    ("sink", "words"),
    [
        ("udp://log:514", "syslog"),
        ("syslog://", "syslog"),
        ("syslog://log:x", "port"),
        ("http://log.example/", "loopback only"),
        ("https://user:hunter2@log.example/", "no user"),
        ("syslog+unix://dev/log", "syslog"),
    ],
)
def test_a_sink_that_cannot_be_meant_is_refused(sink: str, words: str) -> None:
    with pytest.raises(SettingError, match=words) as caught:
        read_environment({"INDEXSITE_KEY_USE_SINK": sink})
    assert "hunter2" not in str(caught.value)


def test_a_required_sink_must_be_named() -> None:
    with pytest.raises(SettingError, match="needs INDEXSITE_KEY_USE_SINK"):
        read_environment({"INDEXSITE_KEY_USE_REQUIRED": "1"})
    for url in ("syslog://log:514", "syslog+tcp://log", "syslog+unix:///dev/log", "https://log.example/x?token=1"):
        assert read_environment({"INDEXSITE_KEY_USE_SINK": url, "INDEXSITE_KEY_USE_REQUIRED": "1"}).key_use_required
