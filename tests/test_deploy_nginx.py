"""The deployed nginx configuration, run before a real index by real clients."""

import hashlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.conftest import NewIndex
from tests.distributions import sdist, wheel
from tests.proxying import BEHIND_NGINX, configured, find_nginx, nginx_before
from tests.running import BIN, RunningIndex, eventually, free_port
from tests.watching import new_updater, readable_files, verified_files

SMALL = {"INDEXSITE_BINS": "4", **BEHIND_NGINX}
LARGE = wheel("fronted", "2.0", members={"fronted.bin": os.urandom(400_000)})


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningIndex]:
    """An open index with a small and a large file of one project, and one place for uploads."""
    variables = {**SMALL, "INDEXSITE_UPLOADS_AT_ONCE": "1", "INDEXSITE_LOG_FORMAT": "json"}
    index = RunningIndex(tmp_path_factory.mktemp("open") / "data", free_port(), variables).start()
    yield index
    index.stop()


@pytest.fixture(scope="module")
def front(index: RunningIndex, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningIndex]:
    with nginx_before(index, tmp_path_factory.mktemp("nginx")) as front:
        token = index.token()
        for filename, content in (wheel("fronted", "1.0"), LARGE, sdist("fronted", "1.0")):
            assert front.post_upload(filename, content, token=token).status == 200
            front.wait_until_listed("fronted", filename)
        yield front


def file_path(index: RunningIndex, filename: str, **headers: str) -> str:
    [file] = [file for file in index.page("fronted", **headers)["files"] if file["filename"] == filename]
    return str(file["url"]).removeprefix("../..")


def test_pip_installs_through_nginx(front: RunningIndex, tmp_path: Path) -> None:
    target = str(tmp_path / "installed")
    command = [
        BIN / "pip",
        "install",
        "--no-cache-dir",
        "--target",
        target,
        "--index-url",
        f"{front.url}/simple/",
        "fronted",
    ]
    environment = {**os.environ, "PIP_CONFIG_FILE": os.devnull}
    done = subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "installed" / "fronted.py").exists()


def test_tuf_clients_verify_through_nginx(front: RunningIndex, index: RunningIndex, tmp_path: Path) -> None:
    found = verified_files(new_updater(front, tmp_path / "memory", front.root()), "fronted")
    assert len(found) == 3
    assert found == readable_files(front, "fronted") == readable_files(index, "fronted")


def test_a_large_file_goes_by_the_store_with_ranges(front: RunningIndex, index: RunningIndex) -> None:
    filename, content = LARGE
    path, sha256 = file_path(front, filename), hashlib.sha256(content).hexdigest()
    assert index.get(path).body == content  # who asks the index itself is not sent to nginx
    handed_over = index.get(path, X_Indexsite_Accel="/internal/store/")
    assert handed_over.headers["x-accel-redirect"] == f"/internal/store/blobs/{sha256[:2]}/{sha256}"
    assert handed_over.body == b""
    whole = front.get(path)
    assert whole.body == content
    assert whole.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert whole.headers["content-type"] == "application/octet-stream"
    assert "x-accel-redirect" not in whole.headers
    part = front.get(path, Range="bytes=1000-1999")
    assert (part.status, part.body) == (206, content[1000:2000])
    assert part.headers["content-range"] == f"bytes 1000-1999/{len(content)}"
    assert front.get(path, Range="bytes=0-9", If_Range='"another"').status == 200
    assert front.get(path, If_None_Match=whole.headers["etag"]).status == 304
    assert front.get(path.replace(sha256, "0" * 64)).status == 404


def test_the_store_cannot_be_asked_for_directly(front: RunningIndex, index: RunningIndex) -> None:
    sha256 = hashlib.sha256(LARGE[1]).hexdigest()
    for path in (
        f"/internal/store/blobs/{sha256[:2]}/{sha256}",
        "/internal/store/metadata/timestamp.json",
        "/tuf/metadata/.lock",
        "/tuf/metadata/../blobs/",
        "/tuf/metadata/%2e%2e/%2e%2e/secret-key",
        "/internal/store/../secret-key",
        "/metrics",
    ):
        assert front.get(path).status == 404, path
    assert (index.data / "store" / "metadata" / ".lock").exists()


def test_small_files_are_answered_by_nginx_once_it_has_them(front: RunningIndex, index: RunningIndex) -> None:
    path = file_path(front, wheel("fronted", "1.0")[0])
    first = front.get(path)
    asked = requests_of(index, "files")
    again = [front.get(path), front.get(path, Range="bytes=0-99"), front.get(f"{path}?x=1")]
    assert [reply.status for reply in again] == [200, 206, 200]
    assert again[0].body == first.body == wheel("fronted", "1.0")[1]
    assert again[1].body == first.body[:100]
    assert again[0].headers["etag"] == first.headers["etag"]
    assert requests_of(index, "files") == asked


def requests_of(index: RunningIndex, kind: str) -> float:
    """How many requests of a kind reached the index, by its own count."""
    text = index.get("/metrics", Authorization=f"Bearer {index.token('--scope', 'read')}").text
    lines = [line for line in text.splitlines() if line.startswith(f'indexsite_requests_total{{kind="{kind}"')]
    return sum(float(line.split()[-1]) for line in lines)


def test_signed_documents_are_nginxs_own_matter(front: RunningIndex, index: RunningIndex) -> None:
    asked = requests_of(index, "tuf")
    timestamp = front.get("/tuf/metadata/timestamp.json")
    assert timestamp.headers["cache-control"] == "no-cache"
    assert timestamp.headers["content-type"] == "application/json"
    root = front.get("/tuf/metadata/1.root.json")
    assert "immutable" in root.headers["cache-control"]
    missing = front.get("/tuf/metadata/2.root.json")
    assert (missing.status, missing.headers["cache-control"]) == (404, "no-store")
    assert missing.headers["content-type"].startswith("text/plain")
    assert "location" not in missing.headers
    assert requests_of(index, "tuf") == asked
    number = json.loads(timestamp.body)["signed"]["meta"]["snapshot.json"]["version"]
    plain = front.get(f"/tuf/metadata/{number}.snapshot.json")
    assert "content-encoding" not in plain.headers
    assert (
        front.get(f"/tuf/metadata/{number}.snapshot.json", Accept_Encoding="gzip").headers["content-encoding"] == "gzip"
    )


def test_nothing_compresses_an_archive(front: RunningIndex) -> None:
    filename, content = sdist("fronted", "1.0")
    path, sha256 = file_path(front, filename), hashlib.sha256(content).hexdigest()
    for address in (path, f"/tuf/targets/fronted/{sha256}.{filename}"):
        reply = front.get(address, Accept_Encoding="gzip, br")
        assert "content-encoding" not in reply.headers
        assert reply.body == content


def test_a_slow_sender_holds_no_upload_place(front: RunningIndex, index: RunningIndex) -> None:
    """There is one place. Through nginx a body that trickles waits outside; asked directly it takes the place."""
    token = index.token()
    with closing(begin_upload(front.port, token, sent=50_000)):
        eventually(lambda: is_buffering(front), what="nginx buffering the body")
        reply = front.post_upload(*wheel("beside-slow", "1.0"), token=token)
        assert reply.status == 200, reply.text
    with ExitStack() as slow:

        def is_refused() -> bool:
            slow.enter_context(closing(begin_upload(index.port, token, sent=100)))  # the one before may have come late
            return index.post_upload(*wheel("beside-slow", "1.0"), token=token).status == 503

        eventually(is_refused, what="no place")


def is_buffering(front: RunningIndex) -> bool:
    """Whether a process of this nginx holds a body in a file, which has no name any more."""
    folder = front.data.parent.parent / "nginx0"
    workers = psutil.Process(int((folder / "nginx.pid").read_text())).children()
    for link in (link for worker in workers for link in Path(f"/proc/{worker.pid}/fd").iterdir()):
        with suppress(FileNotFoundError):  # closed meanwhile
            if os.readlink(link).startswith(f"{folder}/body/"):
                return True
    return False


def begin_upload(port: int, token: str, *, sent: int) -> socket.socket:
    """The head of an upload and the beginning of its body; the rest never comes."""
    connection = socket.create_connection(("127.0.0.1", port))
    connection.sendall(
        f"POST /legacy/ HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 100000\r\n\r\n--x\r\n".encode()
        + b"x" * sent
    )
    return connection


def test_client_and_request_id_come_from_nginx(front: RunningIndex, index: RunningIndex) -> None:
    reply = front.get("/health/live", X_Forwarded_For="198.51.100.7", X_Request_ID="forged")
    request_id = reply.headers["x-request-id"]
    assert request_id != "forged"
    eventually(lambda: request_id in index.log.read_text())
    [line] = [line for line in index.log.read_text().splitlines() if request_id in line]
    assert '"client": "127.0.0.1"' in line


def test_a_private_index_decides_each_read_behind_nginx(new_index: NewIndex, tmp_path: Path) -> None:
    index = new_index(**SMALL, INDEXSITE_PRIVATE="1").start()
    token = index.token()
    bearer = {"Authorization": f"Bearer {token}"}
    with nginx_before(index, tmp_path / "nginx", locations="private") as front:
        for filename, content in (wheel("fronted", "1.0"), LARGE):
            assert front.post_upload(filename, content, token=token).status == 200
        index.wait_until_settled()
        for filename, content in (wheel("fronted", "1.0"), LARGE):
            path = file_path(front, filename, **bearer)
            for _ in range(2):
                assert front.get(path, **bearer).body == content
                assert front.get(path).status == 401
        assert front.get(file_path(front, LARGE[0], **bearer), Range="bytes=0-9", **bearer).body == LARGE[1][:10]
        for path in ("/simple/", "/tuf/metadata/timestamp.json", "/tuf/metadata/1.root.json"):
            assert front.get(path).status == 401
            assert front.get(path, **bearer).status == 200


def test_the_tls_example_serves(index: RunningIndex, front: RunningIndex, tmp_path: Path) -> None:
    write_certificate(tmp_path)
    nginx, port = find_nginx(), free_port()
    main = configured(tmp_path / "n", index, port, site=f"include {tmp_path}/n/indexsite/indexsite.conf;")
    for name in ("fullchain.pem", "key.pem"):
        (tmp_path / name).rename(tmp_path / "n" / name)
    site = tmp_path / "n" / "indexsite" / "indexsite.conf"
    site.write_text(site.read_text().replace("listen 127.0.0.1:1;", f"listen 127.0.0.1:{free_port()};"))
    command = [nginx.path, "-p", str(tmp_path / "n"), "-e", str(tmp_path / "error.log"), "-c", str(main)]
    process = subprocess.Popen(command, env=nginx.environment())
    script = (
        "import ssl,sys,urllib.request as u; c=ssl._create_unverified_context();"
        "o=u.build_opener(u.ProxyHandler({}),u.HTTPSHandler(context=c)); r=o.open(sys.argv[1]);"
        "print(r.status, r.headers['Strict-Transport-Security'], r.read().decode())"
    )

    def ask() -> str:
        address = f"https://127.0.0.1:{port}/"
        done = subprocess.run([sys.executable, "-c", script, address], capture_output=True, text=True, timeout=30)
        return done.stdout

    try:
        page = eventually(ask, what="the index over TLS")
    finally:
        process.terminate()
        process.wait(10)
    assert page.startswith("200 max-age=31536000")
    assert f"https://127.0.0.1:{port}/simple/" in page  # the page's address has the scheme that nginx told


def write_certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")]), datetime.now(UTC)
    built = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    (folder / "fullchain.pem").write_bytes(built.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
