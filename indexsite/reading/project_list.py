"""The list of all projects: kept from one publication to the next, so that it costs what changed, not what is there.

It is asked for seldom and is large: 100,000 projects are 2.5 MB of JSON and 4.7 MB of HTML. So its names stand outside
of the cache that everything else shares, bins are read for their names without being kept, and one thread makes an
answer while others wait for it.
"""

import hashlib
import logging
import threading
import time
from bisect import bisect_left, insort
from collections.abc import Mapping
from typing import Protocol

from indexsite.reading import answers
from indexsite.reading.answers import Answer
from indexsite.reading.refusals import later
from indexsite_client.protocol import SIMPLE_JSON, project_list_bytes, project_list_html
from storage.contract import StorageUnavailableError

_FEW = 1000  # names; more of them are sorted anew
_PATIENCE = 1.0  # seconds that a request waits for another one that reads the store
_LEVEL = 4  # of compression: half the time of 6, for the same size
log = logging.getLogger(__name__)


class Listed(Protocol):
    """What the list needs of a publication."""

    number: int

    def bin_versions(self) -> Mapping[str, int]:
        """The bins and their versions."""
        ...

    def names_in(self, role: str) -> tuple[str, ...]:
        """The projects whose page a bin vouches for."""
        ...


class ProjectList:
    """One for a process, safe for many threads. `vary` as in the answers' header.

    Where the store does not answer, the list of before is served, and the store left alone for `pause` seconds.
    """

    def __init__(self, vary: str, *, pause: float = 1.0) -> None:
        self._vary, self._lock = vary, threading.Lock()
        self._pause, self._not_before = pause, 0.0
        self._number = 0  # of the publication whose names these are
        self._by_role: dict[str, tuple[int, tuple[str, ...]]] = {}  # with the role's version
        self._names: list[str] = []
        self._ready: dict[tuple[str, bool], Answer] = {}

    def answer(self, published: Listed, form: str, *, gzip: bool) -> Answer:
        """The list in a form (PEP 503 or 691), of this publication or of a later one that was asked for already.

        Of an older one where the store fails or is slow; 503 where there is none yet in this form.
        """
        if self._lock.acquire(timeout=_PATIENCE if self._number else -1):
            try:
                return self._current(published, form, gzip=gzip)
            finally:
                self._lock.release()
        known = self._ready.get((form, gzip))  # whoever reads the store is kept waiting; nobody else need be
        return known or later("The list of projects cannot be read at the moment; try again.")

    def _current(self, published: Listed, form: str, *, gzip: bool) -> Answer:
        if published.number > self._number and time.monotonic() >= self._not_before:
            try:
                self._follow(published)
            except StorageUnavailableError as error:
                if not self._number:
                    raise
                self._not_before = time.monotonic() + self._pause
                log.warning(
                    "The list of publication %s is still served; the next cannot be read: %s", self._number, error
                )
        known = self._ready.get((form, gzip))
        if known is None:
            known = self._ready[form, gzip] = self._make(form, gzip=gzip)
        return known

    def _follow(self, published: Listed) -> None:
        """Take over what differs: all of it, or nothing where the store fails in between."""
        gone, come, found = set[str](), set[str](), dict[str, tuple[int, tuple[str, ...]]]()
        for role, version in published.bin_versions().items():
            known_version, known = self._by_role.get(role, (0, ()))
            if version != known_version:
                names = published.names_in(role)
                found[role] = version, names
                gone.update(set(known).difference(names))
                come.update(set(names).difference(known))
        self._by_role.update(found)
        if gone or come:
            self._change(gone, come)
        self._ready = {} if gone or come else {key: each for key, each in self._ready.items() if key[0] != SIMPLE_JSON}
        self._number = published.number

    def _change(self, gone: set[str], come: set[str]) -> None:
        if len(gone) + len(come) > _FEW:
            self._names = sorted(come.union(name for name in self._names if name not in gone))
            return
        for name in come:
            insort(self._names, name)
        for name in gone:
            del self._names[bisect_left(self._names, name)]

    def _make(self, form: str, *, gzip: bool) -> Answer:
        if form == SIMPLE_JSON:
            body, etag = project_list_bytes(self._names, serial=self._number), f"{self._number}.json"
        else:
            body = project_list_html(self._names)
            etag = f"{hashlib.sha256(body).hexdigest()[:32]}.{form.replace('/', '-')}"
        kind = form if form == SIMPLE_JSON else f"{form}; charset=utf-8"
        answer = answers.content(body, kind=kind, etag=etag, cache=answers.REVALIDATE, vary=self._vary)
        return answers.gzipped(answer, level=_LEVEL) if gzip else answer
