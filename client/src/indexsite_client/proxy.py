"""The loopback index that `indexsite run` shows to an installer: the simple API, answered from a verified session."""

import hmac
import http.server
import os
import secrets
import shutil
import threading
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import BinaryIO, Protocol, Self
from urllib.parse import unquote, urlsplit

from indexsite_client import protocol
from indexsite_client.errors import ClientError, ProjectNotFoundError
from indexsite_client.protocol import NormalizedName, PageFile, ProjectPage, ProtocolError

_MAX_TARGET = 4096
_IDLE = 600.0  # seconds that a connection may rest between requests


class Source(Protocol):
    """Where verified pages and files come from: a VerifiedSession, or a fake in tests."""

    def page(self, project: NormalizedName) -> ProjectPage: ...
    def listed(self, project: NormalizedName, filename: str) -> PageFile: ...
    def file(self, project: NormalizedName, filename: str) -> BinaryIO: ...
    def metadata(self, project: NormalizedName, filename: str) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer; `body` is bytes, or a verified open file to stream, or only a length for HEAD."""

    status: int
    body: bytes | BinaryIO | int = b""
    content_type: str = "text/plain; charset=utf-8"
    location: str = ""


@dataclass(slots=True)
class Refusals:
    """What was refused during a run, in order and each once."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _sentences: dict[str, None] = field(default_factory=dict)

    def add(self, sentence: str) -> None:
        with self._lock:
            self._sentences[sentence] = None

    def sentences(self) -> list[str]:
        with self._lock:
            return list(self._sentences)


class VerifyingProxy:
    """A server of its own thread on a free loopback port; a context manager, so that it always ends."""

    def __init__(self, source: Source) -> None:
        self.refusals = Refusals()
        self._secret = secrets.token_urlsafe(24)
        self._server = _Server(source, self._secret, self.refusals)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="proxy", daemon=True)

    @property
    def url(self) -> str:
        """What HTTP_PROXY is set to."""
        return f"http://{self._server.authority}"

    @property
    def index_url(self) -> str:
        """The index as the installer is told it, the secret of this run included."""
        return f"{self.url}/{self._secret}/simple/"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, source: Source, secret: str, refusals: Refusals) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.source, self.secret, self.refusals = source, secret, refusals
        self.authority = f"127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """An installer that hangs up in the middle is no event; _Handler answers for everything else."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _IDLE
    disable_nagle_algorithm = True  # else each answer's body waits 40 ms for the acknowledgement of its head
    server: _Server

    def do_GET(self) -> None:
        self._send(self._answer())

    def do_HEAD(self) -> None:
        self._send(self._answer())

    def do_CONNECT(self) -> None:
        self._send(self._refuse_other(self.path))

    def log_message(self, *_arguments: object) -> None:
        """Say nothing: request lines hold the run's secret, and the terminal is the installer's."""

    def _answer(self) -> Answer:
        target = self.path
        if len(target) > _MAX_TARGET:
            return Answer(414, b"The request line is too long.\n")
        if not target.startswith("/"):
            try:
                parts = urlsplit(target)
            except ValueError:
                return Answer(400, b"The address cannot be read.\n")
            if parts.scheme != "http" or parts.netloc != self.server.authority:
                return self._refuse_other(parts.netloc or target[:80])
            target = parts.path or "/"
        if self.headers.get_all("Host") != [self.server.authority]:
            return Answer(403, b"The Host header is not that of this proxy.\n")
        _empty, secret, *rest = unquote(target).split("/")
        if not hmac.compare_digest(secret.encode(), self.server.secret.encode()):
            return Answer(403, b"The secret of this run is missing from the address.\n")
        return self._look_up(rest)

    def _look_up(self, segments: list[str]) -> Answer:
        try:
            return self._route(segments)
        except (ProjectNotFoundError, ProtocolError) as error:
            return Answer(404, f"{error}\n".encode())
        except ClientError as error:
            return self._refuse(str(error))
        except Exception as error:  # the last line before hostile bytes: an unknown failure is a refusal, never a pass
            return self._refuse(f"{'/'.join(segments)} was refused after a fault of the client itself: {error!r}")

    def _route(self, segments: list[str]) -> Answer:
        match segments:
            case ["simple", ""]:
                return Answer(404, b"The list of projects is not part of the signed metadata; ask for a project.\n")
            case ["simple", name] | ["simple", name, ""]:
                return self._page(name, is_canonical=segments[-1] == "")
            case ["files", sha256, filename]:
                return self._file(sha256, filename)
        return Answer(404, b"There is nothing here.\n")

    def _page(self, name: str, *, is_canonical: bool) -> Answer:
        project = protocol.normalize_name(name)
        if project != name or not is_canonical:
            return Answer(301, location=f"/{self.server.secret}/simple/{project}/")
        page = _without_provenance(self.server.source.page(project))
        accept = self.headers.get("Accept", "")
        if protocol.SIMPLE_JSON in accept or "application/vnd.pypi.simple.latest+json" in accept:
            return Answer(200, protocol.page_bytes(page), protocol.SIMPLE_JSON)
        return Answer(200, protocol.page_html(page), "text/html; charset=utf-8")

    def _file(self, sha256: str, asked: str) -> Answer:
        filename = asked.removesuffix(".metadata")
        project = protocol.parse_distribution_filename(filename).project
        source = self.server.source
        listed = source.listed(project, filename)
        if listed.sha256 != sha256:
            raise ProjectNotFoundError(f"{filename} with the sha256 {sha256[:64]}")
        if asked != filename:
            return Answer(200, source.metadata(project, filename))
        if self.command == "HEAD":
            return Answer(200, listed.size, "application/octet-stream")
        return Answer(200, source.file(project, filename), "application/octet-stream")

    def _refuse(self, sentence: str) -> Answer:
        """403, since installers try 5xx again and again."""
        self.server.refusals.add(sentence)
        return Answer(403, f"indexsite: {sentence}\n".encode())

    def _refuse_other(self, authority: str) -> Answer:
        host = authority.rpartition("@")[2]  # what stands before it may be a password
        return self._refuse(f"a request to {host[:200]}, since only the trusted index is used in this run.")

    def _send(self, answer: Answer) -> None:
        body = answer.body
        if not isinstance(body, (bytes, int)):
            with body:
                self._send_head(answer, os.fstat(body.fileno()).st_size)
                self._send_file(body)
            return
        self._send_head(answer, body if isinstance(body, int) else len(body))
        if self.command != "HEAD" and isinstance(body, bytes):
            self.wfile.write(body)

    def _send_file(self, file: BinaryIO) -> None:
        shutil.copyfileobj(file, self.wfile, 256 * 1024)

    def _send_head(self, answer: Answer, length: int) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(length))
        self.send_header("Cache-Control", "no-store")
        if answer.location:
            self.send_header("Location", answer.location)
        if answer.status == 403:
            self.send_header("Connection", "close")
        self.end_headers()


def _without_provenance(page: ProjectPage) -> ProjectPage:
    """No installer asks for it, and only what they ask for is served here."""
    if not any(file.provenance_sha256 for file in page.files):
        return page
    return replace(page, files=tuple(replace(file, provenance_sha256="") for file in page.files))
