"""A mirror between a client and a real index that hands on what it is asked for, as truly or badly as a test wants."""

import http.server
import threading
from collections.abc import Callable
from types import TracebackType

from tests.running import RunningIndex

Alter = Callable[[str, bytes], bytes]
CHUNK = 64 * 1024
ENDLESS = 64 * 1024 * 1024  # bytes after which even an endless answer ends, for the test's sake


class HostileMirror:
    """Serves the index's answers. `alter` may change the body of each path; `overlay` stands in for whole paths."""

    def __init__(self, index: RunningIndex) -> None:
        self.index = index
        self.alter: Alter = lambda path, body: body
        self.overlay: dict[str, bytes] = {}
        self.endless: Callable[[str], bool] = lambda path: False
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def be_honest(self) -> None:
        """Back to handing on the truth."""
        self.alter, self.overlay, self.endless = (lambda path, body: body), {}, (lambda path: False)

    def __enter__(self) -> "HostileMirror":
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler_of(mirror: HostileMirror) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if mirror.endless(self.path):
                self._send_endlessly()
                return
            status, body = 200, mirror.overlay.get(self.path)
            if body is None:
                reply = mirror.index.get(self.path)
                status, body = reply.status, reply.body
            if status == 200:
                body = mirror.alter(self.path, body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _send_endlessly(self) -> None:
            self.send_response(200)
            self.end_headers()
            for _ in range(ENDLESS // CHUNK):
                try:
                    self.wfile.write(b"{" * CHUNK)
                except OSError:
                    return

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # as its parent names it
            """Quiet."""

    return Handler
