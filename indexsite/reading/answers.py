"""Answers of the read layer: made once, sent many times; conditional requests, HEAD and ranges."""

import gzip
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import IO, Any, TypeAlias

Environ: TypeAlias = dict[str, Any]  # Any: WSGI's environ holds strings and streams alike (PEP 3333)
StartResponse: TypeAlias = Callable[[str, list[tuple[str, str]]], object]

IMMUTABLE = "public, max-age=31536000, immutable"
REVALIDATE = "no-cache"
BYTES = "application/octet-stream"  # which are also served in ranges
ACCEL = "indexsite.accel"  # in the environ: a trusted nginx's location of the store, ending in a slash
_GZIP_FROM = 512  # bytes; below, gzip only costs
_CHUNK = 256 * 1024
STREAMS = 40  # at once: a client that does not read holds a thread, and pages must always find one
_streams = threading.BoundedSemaphore(STREAMS)
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer. `headers` has everything but what depends on the request."""

    status: str
    headers: list[tuple[str, str]]
    body: bytes
    etag: str = ""

    def cost(self) -> int:
        """Roughly the bytes that keeping it takes."""
        return len(self.body) + 1024

    def send(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer the request: 304 where the client has it already, no body to HEAD."""
        if self.etag and matches(environ.get("HTTP_IF_NONE_MATCH", ""), self.etag):
            start_response("304 Not Modified", [header for header in self.headers if header[0] != "Content-Length"])
            return []
        start_response(self.status, self.headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [self.body]


def content(body: bytes, *, kind: str, etag: str, cache: str, vary: str = "") -> Answer:
    """A 200 with a strong ETag."""
    headers = [
        ("Content-Type", kind),
        ("Content-Length", str(len(body))),
        ("ETag", f'"{etag}"'),
        ("Cache-Control", cache),
        ("X-Content-Type-Options", "nosniff"),
    ]
    if vary:
        headers.append(("Vary", vary))
    if kind == BYTES:
        headers.append(("Accept-Ranges", "bytes"))
    return Answer("200 OK", headers, body, f'"{etag}"')


def accelerated(location: str, *, etag: str, cache: str) -> Answer:
    """An answer whose body nginx sends, from one of its internal locations; ranges, HEAD and conditions are its matter.

    Without an ETag to compare it is not kept for others either: who does not come through nginx needs the bytes.
    """
    whole = content(b"", kind=BYTES, etag=etag, cache=cache)
    return replace(whole, headers=[*whole.headers, ("X-Accel-Redirect", location)], etag="")


def gzipped(answer: Answer, *, level: int = 6) -> Answer:
    """The same answer compressed, under an ETag of its own; small ones stay as they are."""
    if len(answer.body) < _GZIP_FROM:
        return answer
    body = gzip.compress(answer.body, compresslevel=level, mtime=0)
    etag = f'{answer.etag[:-1]}.gz"'
    changed = {"Content-Length": str(len(body)), "ETag": etag}
    headers = [(name, changed.get(name, value)) for name, value in answer.headers]
    return replace(answer, headers=[*headers, ("Content-Encoding", "gzip")], body=body, etag=etag)


def refusal(status: str, sentence: str, *extra: tuple[str, str], kind: str = "text/plain; charset=utf-8") -> Answer:
    """Anything that is not to be had, in a sentence, never cached."""
    body = f"{sentence}\n".encode()
    headers = [
        ("Content-Type", kind),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
        *extra,
    ]
    return Answer(status, headers, body)


def redirect(location: str) -> Answer:
    """A permanent redirect to a path relative to the one asked for."""
    return refusal("301 Moved Permanently", f"See {location}", ("Location", location))


def matches(condition: str, etag: str) -> bool:
    """Whether an If-None-Match header names the ETag, by weak comparison (RFC 9110, section 13.1.2)."""
    if not condition:
        return False
    return (
        condition == etag
        or condition.strip() == "*"
        or any(each.strip().removeprefix("W/") == etag for each in condition.split(","))
    )


_BUSY = refusal("503 Service Unavailable", f"{STREAMS} large files are being sent; try again.", ("Retry-After", "5"))


@dataclass(frozen=True, slots=True)
class StreamedFile:
    """A file that is sent from the store in pieces. `size` in bytes."""

    open: Callable[[], IO[bytes]]
    size: int
    sha256: str
    cache: str

    def send(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Send it, or the one range that is asked for (RFC 9110, section 14)."""
        whole = content(b"", kind=BYTES, etag=self.sha256, cache=self.cache)
        if matches(environ.get("HTTP_IF_NONE_MATCH", ""), whole.etag):
            return whole.send(environ, start_response)
        status, first, last = "200 OK", 0, self.size - 1
        asked = _asked_range(environ, whole.etag, self.size)
        if asked is not None:
            status, (first, last) = "206 Partial Content", asked
        if first >= self.size > 0 or first > last + 1:
            extra = ("Content-Range", f"bytes */{self.size}")
            return refusal("416 Range Not Satisfiable", "The file ends before that range.", extra).send(
                environ, start_response
            )
        length = last - first + 1
        headers = [header for header in whole.headers if header[0] != "Content-Length"]
        headers.append(("Content-Length", str(length)))
        if asked is not None:
            headers.append(("Content-Range", f"bytes {first}-{last}/{self.size}"))
        if environ["REQUEST_METHOD"] == "HEAD":
            start_response(status, headers)
            return []
        if not _streams.acquire(blocking=False):
            return _BUSY.send(environ, start_response)
        try:
            pieces = _Pieces(self.open(), first, length)
        except BaseException:
            _streams.release()
            raise
        start_response(status, headers)
        return pieces


class _Pieces:
    """The body of a streamed file, closed by the server when it is sent or the client has gone (PEP 3333)."""

    def __init__(self, file: IO[bytes], first: int, length: int) -> None:
        self._file, self._left = file, length
        file.seek(first)

    def __iter__(self) -> Iterator[bytes]:
        while self._left > 0 and (piece := self._file.read(min(_CHUNK, self._left))):
            self._left -= len(piece)
            yield piece

    def close(self) -> None:
        """The file and its place among the streams are free again."""
        if not self._file.closed:
            self._file.close()
            _streams.release()

    __del__ = close  # should a server forget to close


def _asked_range(environ: Environ, etag: str, size: int) -> tuple[int, int] | None:
    """First and last byte asked for; None for the whole, which also answers what we do not understand."""
    header = environ.get("HTTP_RANGE", "")
    if not header or environ.get("HTTP_IF_RANGE", etag) != etag:
        return None
    found = _RANGE.fullmatch(header.strip())
    if found is None or found.group() == "bytes=-":
        return None
    first, last = found.groups()
    if not first:
        return max(size - int(last), 0), size - 1
    if last and int(last) < int(first):
        return None
    return int(first), min(int(last), size - 1) if last else size - 1
