"""When an upload is listed: a sample of one at a time while the load goes on, and all of them at its end."""

import http.client
import queue
import threading
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from bench.errors import NeverListedError
from bench.uploads.sending import Sent

EVERY_SECONDS = 0.005
LISTED_SECONDS = 120
TIMEOUT_SECONDS = 30
_HEADERS = {"Accept": "application/vnd.pypi.simple.v1+json, text/html; q=0.1", "User-Agent": "pip/26.0"}


class Pages:
    """The pages of an index, read over one kept-alive connection."""

    def __init__(self, url: str, headers: dict[str, str] | None = None) -> None:
        address = urlsplit(url)
        self._path = address.path
        self._headers = {**_HEADERS, **(headers or {})}
        self._connection = http.client.HTTPConnection(address.netloc, timeout=TIMEOUT_SECONDS)

    def close(self) -> None:
        self._connection.close()

    def read(self, project: str) -> bytes:
        """The project's page; empty while there is none."""
        self._connection.request("GET", f"{self._path}{project}/", headers=self._headers)
        response = self._connection.getresponse()
        body = response.read()
        return body if response.status == 200 else b""

    def await_listed(self, project: str, filenames: Sequence[str]) -> None:
        """Return once the page lists all of these; raises NeverListedError."""
        deadline = time.monotonic() + LISTED_SECONDS
        while time.monotonic() < deadline:
            page = self.read(project)
            if all(filename.encode() in page for filename in filenames):
                return
            time.sleep(EVERY_SECONDS)
        raise NeverListedError(project, LISTED_SECONDS)


class Watcher:
    """Watches one upload at a time in a thread of its own; those that come meanwhile go unwatched."""

    def __init__(self, pages: str) -> None:
        self.delays: list[float] = []
        self.error: Exception | None = None
        self._pages = Pages(pages)
        self._offers: queue.Queue[Sent | None] = queue.Queue(maxsize=1)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Watcher":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._offers.put(None)
        self._thread.join()
        self._pages.close()

    def offer(self, sent: Sent) -> None:
        """Watch this one, if none is watched now."""
        if self._offers.empty():
            try:
                self._offers.put_nowait(sent)
            except queue.Full:
                return

    def _run(self) -> None:
        while sent := self._offers.get():
            try:
                self._pages.await_listed(sent.form.project, [sent.form.filename])
                self.delays.append(time.monotonic() - sent.answered_at)
            except (NeverListedError, OSError, http.client.HTTPException) as error:
                self.error = self.error or error


def await_all_listed(pages: str, sent: Sequence[Sent]) -> float:
    """When the last of these was seen listed, on the monotonic clock; raises NeverListedError."""
    filenames: dict[str, list[str]] = {}
    for each in sent:
        filenames.setdefault(each.form.project, []).append(each.form.filename)
    reader = Pages(pages)
    try:
        for project in sorted(filenames):
            reader.await_listed(project, filenames[project])
    finally:
        reader.close()
    return time.monotonic()
