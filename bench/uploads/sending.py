"""The load: clients that send uploads over kept-alive connections, encoded beforehand, for it shares the machine."""

import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

from bench.distributions import make_wheel
from bench.errors import UploadFailedError
from bench.uploading import encode_form
from bench.uploads.takers import Door

PROJECTS = 40
TIMEOUT_SECONDS = 60
BOUNDARY = "bench-boundary-5b9c2f"


@dataclass(frozen=True, slots=True)
class Form:
    """One upload: its project and file, and the body of the request."""

    project: str
    filename: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Sent:
    """An upload that was answered 200, and when, on the monotonic clock."""

    form: Form
    answered_at: float


def encode_forms(series: int, count: int) -> list[Form]:
    """Releases of PROJECTS projects in turn; those of another series have other versions."""
    wheels = (make_wheel(f"upload{n % PROJECTS:02}", f"{series}.{n}", "py3-none-any") for n in range(count))
    return [Form(wheel.project, wheel.filename, encode_form(wheel, BOUNDARY)) for wheel in wheels]


def send_all(
    door: Door, forms: Sequence[Form], *, clients: int, seconds: float, watch: Callable[[Sent], None]
) -> list[Sent]:
    """Upload until the time or the forms are over; raises UploadFailedError at the first that is not answered 200.

    `watch` is told of each answer, in the client's thread.
    """
    stop = threading.Event()
    waiting = iter(forms)  # taken from by all clients: next() of a list is atomic
    deadline = time.monotonic() + seconds

    def client() -> list[Sent]:
        sent: list[Sent] = []
        try:
            with Sender(door) as sender:
                while not stop.is_set() and time.monotonic() < deadline and (form := next(waiting, None)):
                    sender.send(form)
                    sent.append(Sent(form, time.monotonic()))
                    watch(sent[-1])
        finally:
            if time.monotonic() < deadline:
                stop.set()  # an error here, or no forms left: the others need not go on
        return sent

    with ThreadPoolExecutor(clients) as pool:
        running = [pool.submit(client) for _ in range(clients)]
        return sorted((each for done in running for each in done.result()), key=lambda each: each.answered_at)


class Sender:
    """One client: a socket that is opened anew where the server closes it."""

    def __init__(self, door: Door) -> None:
        address = urlsplit(door.url)
        self._address = (str(address.hostname), int(address.port or 80))
        fields = {**door.headers, "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        lines = [f"POST {address.path} HTTP/1.1", f"Host: {address.netloc}", "User-Agent: twine/6.2.0"]
        self._head = "\r\n".join([*lines, *(f"{name}: {value}" for name, value in fields.items())])
        self._socket: socket.socket | None = None

    def __enter__(self) -> "Sender":
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def send(self, form: Form) -> None:
        """Send one upload and read its answer; raises UploadFailedError unless it is 200."""
        if self._socket is None:
            self._socket = socket.create_connection(self._address, timeout=TIMEOUT_SECONDS)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(f"{self._head}\r\nContent-Length: {len(form.body)}\r\n\r\n".encode() + form.body)
        with http.client.HTTPResponse(self._socket, method="POST") as response:
            response.begin()
            body = response.read()
            if response.status != 200:
                raise UploadFailedError(form.filename, response.status, body.decode(errors="replace"))
            if response.will_close:
                self._close()

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def project_names() -> Iterator[str]:
    """The projects that the uploads belong to."""
    return (f"upload{number:02}" for number in range(PROJECTS))
