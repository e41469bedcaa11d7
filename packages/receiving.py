"""The body of an upload request: streamed into a blob within bounds of size and time, drained before a refusal."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

from django.utils.datastructures import MultiValueDict
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from packages.blobs import IncomingBlob
from packages.errors import BodyTooSlowError, FormFaultyError

FIELDS_LIMIT = 8 * 1024 * 1024  # bytes of all text fields; a description may be long
DRAINED = 64 * 1024 * 1024
MIN_RATE = 10_000  # bytes a second
GRACE = 10.0  # seconds before the rate counts
_CHUNK = 64 * 1024
_FIRST_READ = 256
_MAX_PARTS, _MAX_BOUNDARY = 10_000, 200
_drains = threading.BoundedSemaphore(8)


class ReceivedForm:
    """An upload form: its text fields, and the file of the field `content`, whose bytes are in `blob`."""

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        self._left = FIELDS_LIMIT
        self._text = bytearray()
        self._name = ""  # of the text field that is being read
        self._take: Callable[[bytes], object] = _ignore
        self._end: Callable[[], object] = _nothing
        self.fields: MultiValueDict[str, str] = MultiValueDict()
        self.filename = ""
        self.blob: IncomingBlob | None = None

    def begin(self, part: MultipartSegment) -> None:
        """Begin a part. Of the files, only the first one in the field `content` is wanted."""
        if part.filename is None:
            self._name = part.name or ""
            self._take, self._end = self._take_text, self._end_text
        elif part.name == "content" and self.blob is None:
            self.filename, self.blob = part.filename, IncomingBlob(limit=self._limit)
            self._take, self._end = self.blob.receive, self.blob.complete
        else:
            self._take, self._end = _ignore, _nothing

    def take(self, data: bytes) -> None:
        """Take bytes of the part; raises FileTooLargeError or FormFaultyError."""
        self._take(data)

    def end(self) -> None:
        """The part is complete; may raise StorageUnavailableError."""
        self._end()

    def discard(self) -> None:
        """Leave nothing behind of what was not kept."""
        if self.blob is not None:
            self.blob.discard()

    def _take_text(self, data: bytes) -> None:
        self._text += data
        self._left -= len(data)
        if self._left < 0:
            raise FormFaultyError(f"The form has more than {FIELDS_LIMIT} bytes beside its file.")

    def _end_text(self) -> None:
        self.fields.appendlist(self._name, self._text.decode(errors="replace"))
        self._text.clear()


class PacedBody:
    """A request's body that must come at a minimum rate: a slow sender would hold one of few upload places.

    The server's reads return only when they are full, so a read asks for no more than came in a second so far. A sender
    that falls silent altogether is not noticed before it speaks or closes: that takes a buffering proxy in front.
    """

    def __init__(self, body: IO[bytes], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._body, self._clock = body, clock
        self._began, self._received = clock(), 0

    def read(self, size: int = _CHUNK) -> bytes:
        """Read some bytes, none at the end; raises BodyTooSlowError."""
        elapsed = self._clock() - self._began
        expected = int(self._received / elapsed) if elapsed > 0 else 0
        data = self._body.read(min(size, max(_FIRST_READ, min(expected, _CHUNK))))
        self._received += len(data)
        late = self._clock() - self._began - GRACE
        if data and late > 0 and self._received < MIN_RATE * late:
            raise BodyTooSlowError(MIN_RATE)
        return data

    def drain(self) -> None:
        """Read up to DRAINED bytes more, so that the client hears the refusal instead of a broken connection.

        Only a few drain at once: whoever has no token must not be able to keep the index busy.
        """
        if not _drains.acquire(blocking=False):
            return
        try:
            limit = self._received + DRAINED
            while self._received < limit and self.read():
                pass
        except BodyTooSlowError:
            return
        finally:
            _drains.release()


@contextmanager
def received_form(body: PacedBody, *, content_type: str, length: int, limit: int) -> Iterator[ReceivedForm]:
    """Read a form (multipart/form-data, RFC 7578) of `length` bytes, of which its file has `limit` at most.

    Raises FormFaultyError, FileTooLargeError or BodyTooSlowError. What the store did not take is gone afterwards.
    """
    kind, options = parse_options_header(content_type)
    boundary = options.get("boundary", "")
    if kind != "multipart/form-data" or not 0 < len(boundary) <= _MAX_BOUNDARY:
        raise FormFaultyError("The form cannot be read: it is not multipart/form-data; upload with twine or uv.")
    form = ReceivedForm(limit=limit)
    try:
        try:
            _read_parts(form, body, PushMultipartParser(boundary, content_length=length, max_segment_count=_MAX_PARTS))
        except MultipartError as error:
            raise FormFaultyError(f"The form cannot be read: {error}.") from error
        yield form
    finally:
        form.discard()


@contextmanager
def received_file(body: PacedBody, *, length: int, limit: int) -> Iterator[IncomingBlob]:
    """Read a body of `length` bytes that is one file, of `limit` at most.

    Raises FileTooLargeError, FormFaultyError or BodyTooSlowError. What the store did not take is gone afterwards.
    """
    blob = IncomingBlob(limit=limit)
    try:
        while data := body.read():
            blob.receive(data)
        if blob.size != length:
            raise FormFaultyError(f"Only {blob.size} of {length} bytes arrived; upload the file again.")
        blob.complete()
        yield blob
    finally:
        blob.discard()


def _read_parts(form: ReceivedForm, body: PacedBody, parser: PushMultipartParser) -> None:
    while not parser.closed:
        for event in parser.parse(body.read()):
            if isinstance(event, MultipartSegment):
                form.begin(event)
            elif event is None:
                form.end()
            else:
                form.take(event)


def _ignore(data: bytes) -> None:
    """Of a part that nobody asked for."""


def _nothing() -> None:
    """At the end of a part that nobody asked for."""
