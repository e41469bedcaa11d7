"""A loopback HTTP server between client and index that serves the simulator truly, or as badly as a test wants."""

import gzip
import http.server
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self
from urllib.parse import unquote

Behaviour = Callable[["MirrorHandler"], None]
Change = Callable[[bytes], bytes]


class HostileMirror:
    """`served` is shown, except where `behaviours` (by path) or `changes` say otherwise."""

    def __init__(self, served: dict[str, bytes]) -> None:
        self.served = served
        self.behaviours: dict[str, Behaviour] = {}
        self.changes: list[tuple[Callable[[str], bool], Change]] = []
        self.requests: list[tuple[str, str]] = []
        self.connections = 0
        self.stop = threading.Event()
        self.credentials: str | None = None
        self.seen_headers: list[dict[str, str]] = []
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def change(self, matches: Callable[[str], bool], change: Change) -> None:
        self.changes.append((matches, change))

    def paths(self) -> list[str]:
        return [path for _method, path in self.requests]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, mirror: HostileMirror) -> None:
        super().__init__(("127.0.0.1", 0), MirrorHandler)
        self.mirror = mirror

    def get_request(self) -> tuple[object, object]:  # type: ignore[override]  # the stub wants the socket's own types
        self.mirror.connections += 1
        return super().get_request()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up on hostile answers is what we want."""


class MirrorHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer's body waits 40 ms for the acknowledgement of its head
    server: _Server

    def do_GET(self) -> None:
        mirror, path = self.server.mirror, unquote(self.path)
        mirror.requests.append((self.command, path))
        mirror.seen_headers.append(dict(self.headers.items()))
        if mirror.credentials and self.headers.get("Authorization") != mirror.credentials:
            self.answer(401, b"who are you\n")
        elif path in mirror.behaviours:
            mirror.behaviours[path](self)
        elif path in mirror.served:
            data = mirror.served[path]
            for matches, change in mirror.changes:
                data = change(data) if matches(path) else data
            self.answer(200, data)
        else:
            self.answer(404, b"not found\n")

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_CONNECT(self) -> None:
        self.do_GET()

    def answer(self, status: int, data: bytes, **headers: str) -> None:
        wants_gzip = "gzip" in self.headers.get("Accept-Encoding", "") and self.path.startswith("/tuf/metadata/")
        if wants_gzip and status == 200 and "content_encoding" not in headers:
            data, headers = gzip.compress(data), {**headers, "content_encoding": "gzip"}
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.send_header(
            "Content-Type", "text/html" if self.path.startswith("/simple/") else "application/octet-stream"
        )
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *_arguments: object) -> None:
        """Be quiet."""


def flip_byte(data: bytes) -> bytes:
    """The same length, one bit different in the middle."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
