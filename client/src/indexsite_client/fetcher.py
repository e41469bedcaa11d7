"""Downloads from an index with bounds on length, time and rate; redirects are never followed."""

import functools
import queue
import ssl
import threading
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import httpx2
from tuf.api.exceptions import DownloadError, DownloadHTTPError, DownloadLengthMismatchError, SlowRetrievalError

from indexsite_client.credentials import LOOPBACK, Token, check_may_send

_CHUNK = 64 * 1024
_GZIP_OVERHEAD = 64 * 1024  # gzip may be longer than what it holds, but endless empty blocks are refused too


@dataclass(frozen=True, slots=True)
class Pace:
    """The slowest delivery that is accepted: `rate` bytes a second over each `grace` seconds."""

    grace: float = 10.0
    rate: float = 10_000.0


@dataclass(frozen=True, slots=True)
class _Head:
    status: int
    encoding: str


class _End:
    """Marks the complete end of a body."""


@functools.cache
def _authorities() -> ssl.SSLContext:
    """The trusted certificate authorities, read once: that takes longer than most downloads."""
    return httpx2.create_ssl_context()


_Item = _Head | _End | bytes | httpx2.HTTPError | httpx2.InvalidURL


class Downloads:
    """One index's HTTP connections, safe to use from many threads.

    A thread of its own reads each response and the caller waits for it with a deadline, because socket timeouts alone
    let a server drip one byte of a header or of a chunk's length every few seconds for days.

    The environment's proxies are used, but never for loopback: what goes there in the clear, a token too, stays there.
    """

    def __init__(self, *, token: Token | None = None, pace: Pace | None = None, user_agent: str = "indexsite") -> None:
        self._pace, self._token = pace or Pace(), token
        self._client = httpx2.Client(
            auth=("__token__", token.reveal()) if token else None,
            verify=_authorities(),
            follow_redirects=False,
            mounts={f"all://[{host}]" if ":" in host else f"all://{host}": None for host in LOOPBACK},
            timeout=httpx2.Timeout(self._pace.grace),
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=20),
            headers={"User-Agent": user_agent},
        )

    def close(self) -> None:
        self._client.close()

    def read(self, url: str, max_length: int) -> bytes:
        """The whole body, gzip accepted; raises DownloadLengthMismatchError before more than `max_length` is held."""
        body = bytearray()
        for chunk in self.stream(url, max_length, accept_encoding="gzip"):
            body += chunk
        return bytes(body)

    def stream(self, url: str, max_length: int, *, accept_encoding: str = "identity") -> Iterator[bytes]:
        """Yield the body in chunks; raises tuf's DownloadError and its subclasses, never anything of httpx2.

        Raises UsageError where the token would leave this host in the clear, through a proxy or not.
        """
        check_may_send(self._token, url)
        items: queue.Queue[_Item] = queue.Queue(maxsize=64)
        stop = threading.Event()
        arguments = (url, accept_encoding, items, stop)
        threading.Thread(target=self._pump, args=arguments, name="download", daemon=True).start()
        try:
            yield from _decode(_receive(url, items, self._pace), max_length, accept_encoding)
        finally:
            stop.set()
            _drain(items)

    def _pump(self, url: str, accept_encoding: str, items: "queue.Queue[_Item]", stop: threading.Event) -> None:
        try:
            with self._client.stream("GET", url, headers={"Accept-Encoding": accept_encoding}) as response:
                items.put(_Head(response.status_code, response.headers.get("Content-Encoding", "identity").lower()))
                for chunk in response.iter_raw(_CHUNK):
                    if stop.is_set():
                        return
                    items.put(chunk)
            items.put(_End())
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            items.put(error)
        except RuntimeError as error:  # the client was closed while this download was still waiting
            items.put(httpx2.TransportError(str(error)))


def _receive(url: str, items: "queue.Queue[_Item]", pace: Pace) -> Iterator[_Head | bytes]:
    """Hand on what the reading thread delivers, as long as it delivers fast enough."""
    window_end, received = time.monotonic() + pace.grace, 0
    while True:
        item: _Item | None
        try:
            item = items.get(timeout=max(0.0, window_end - time.monotonic()))
        except queue.Empty:
            item = None
        if isinstance(item, _End):
            return
        if isinstance(item, httpx2.TimeoutException):
            raise SlowRetrievalError(f"{url} stopped answering.") from item
        if isinstance(item, (httpx2.HTTPError, httpx2.InvalidURL)):
            raise DownloadError(f"{url} cannot be read: {item or type(item).__name__}") from item
        if isinstance(item, _Head):
            _check_status(url, item.status)
        received += len(item) if isinstance(item, bytes) else 0
        if time.monotonic() >= window_end:
            if received < pace.rate * pace.grace:
                raise SlowRetrievalError(f"{url} came slower than {pace.rate:.0f} bytes a second.")
            window_end, received = time.monotonic() + pace.grace, 0
        if item is not None:
            yield item


def _check_status(url: str, status: int) -> None:
    if status != 200:
        raise DownloadHTTPError(f"{url} answered with the HTTP status {status}.", status)


def _decode(items: Iterator[_Head | bytes], max_length: int, accept_encoding: str) -> Iterator[bytes]:
    """Undo gzip where it was asked for, never holding more than `max_length` bytes of result."""
    inflate, length, received = None, 0, 0
    for item in items:
        if isinstance(item, _Head):
            if item.encoding not in {"identity", "", accept_encoding}:
                raise DownloadError(f"The answer has the unasked Content-Encoding {item.encoding[:40]!r}.")
            inflate = zlib.decompressobj(16 + zlib.MAX_WBITS) if item.encoding == "gzip" else None
            continue
        try:
            data = inflate.decompress(item, max_length - length + 1) if inflate else item
        except zlib.error as error:
            raise DownloadError(f"The answer is not the gzip that it says it is: {error}") from error
        length, received = length + len(data), received + len(item)
        if length > max_length or received > max_length + _GZIP_OVERHEAD:
            raise DownloadLengthMismatchError(f"The answer is longer than the {max_length} bytes that it may have.")
        yield data
    if inflate and not inflate.eof:
        raise DownloadError("The answer's gzip stream ends early.")


def _drain(items: "queue.Queue[_Item]") -> None:
    """Wake a reading thread that waits for room, so that it sees that nobody listens any more."""
    try:
        while True:
            items.get_nowait()
    except queue.Empty:
        pass
