"""A proxy between the index and its object store, which fails as it is told to: errors, delays, lost answers."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class FaultyProxy(ThreadingHTTPServer):
    """Passes everything on, but while `fault` is set.

    `error` answers 500; `slow` waits `delay` seconds first; `lose` passes on and then breaks off instead of answering;
    `cut` breaks off in the middle of an answer. `only` limits the fault to a method, `times` to so many requests.
    """

    daemon_threads = True

    def __init__(self, target: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target = target
        self.fault, self.only, self.times, self.delay = "", "", 0, 0.0
        self.failed = 0
        self._lock, self.ended = threading.Lock(), threading.Event()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def set(self, fault: str, *, only: str = "", times: int = 1_000_000, delay: float = 0.0) -> None:
        """From now on, fail so."""
        with self._lock:
            self.fault, self.only, self.times, self.delay, self.failed = fault, only, times, delay, 0

    def fault_of(self, method: str) -> str:
        """How this request shall fail, empty where it shall not."""
        with self._lock:
            if not self.fault or self.only not in {"", method} or self.failed >= self.times:
                return ""
            self.failed += 1
            return self.fault

    def handle_error(self, request: Any, client_address: Any) -> None:  # Any: a socket and its address
        """Clients that go away are what is tested."""


class _Handler(BaseHTTPRequestHandler):
    server: FaultyProxy
    protocol_version = "HTTP/1.1"

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.server.fault_of(self.command)
        if fault == "error":
            self._answer(500, {"Content-Type": "application/xml"}, b"<Error><Code>InternalError</Code></Error>")
            return
        if fault == "slow":
            self.server.ended.wait(self.server.delay)
        upstream = http.client.HTTPConnection("127.0.0.1", self.server.target, timeout=60)
        try:
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                upstream.putheader(name, value)
            upstream.endheaders(body or None)
            answer = upstream.getresponse()
            content, headers = answer.read(), dict(answer.getheaders())
        finally:
            upstream.close()
        if fault == "lose":
            self.close_connection = True
            return
        self._answer(answer.status, headers, content, cut=fault == "cut")

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _pass_on  # noqa: N815  # http.server's names

    def _answer(self, status: int, headers: dict[str, str], content: bytes, *, cut: bool = False) -> None:
        self.send_response_only(status)
        lengths = {"content-length", "transfer-encoding", "connection"}
        for name, value in headers.items():
            if name.lower() not in lengths or (name.lower() == "content-length" and self.command == "HEAD"):
                self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[: len(content) // 2] if cut else content)
        if cut:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # http.server's name
        """Nothing."""


@contextmanager
def faulty_proxy(target: int) -> Iterator[FaultyProxy]:
    """A proxy to this port of the loopback address, which ends with the block."""
    proxy = FaultyProxy(target)
    thread = threading.Thread(target=proxy.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.ended.set()
        proxy.shutdown()
        thread.join()
        proxy.server_close()
