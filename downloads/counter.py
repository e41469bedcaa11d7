"""Counting downloads in memory, and handing the counts on in batches: a download costs no query.

A process that is killed loses what it counted since its last batch; one that ends by itself hands on everything.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping

EVERY = 30.0  # seconds between batches
FULL = 5_000  # different files and days; then a batch does not wait
MOST = 50_000  # where the batches cannot be handed on; what else is downloaded then is not counted
_LOOK_EVERY = 1.0
_AT_ONCE = 200  # in a transaction, which others wait for on SQLite
_DAY = 86_400  # seconds

Counts = Mapping[tuple[str, int], int]  # by the file's name and the day, in days since 1970 (UTC)
log = logging.getLogger(__name__)


class DownloadCounter:
    """Counts for one process. `keep` adds counts to what is kept, all or none; errors of `away` are tried again."""

    def __init__(self, keep: Callable[[Counts], object], *, away: tuple[type[Exception], ...]) -> None:
        self._keep, self._away = keep, away
        self._counts: dict[tuple[str, int], int] = {}
        self._lock = threading.Lock()
        self._started = False
        self._uncounted = 0

    def note(self, filename: str) -> None:
        """Count one download of a file that the index has. Costs about a microsecond."""
        key = filename, int(time.time()) // _DAY
        with self._lock:
            known = self._counts.get(key)
            if known is None and len(self._counts) >= MOST:
                self._uncounted += 1
                return
            self._counts[key] = (known or 0) + 1
            if self._started:
                return
            self._started = True
        threading.Thread(
            target=self._run, name="downloads", daemon=False
        ).start()  # the process waits for its last batch

    def hand_on(self) -> None:
        """Hand on what was counted; what cannot be kept now stays for the next time, whatever `keep` raises."""
        with self._lock:
            counts, self._counts = self._counts, {}
            uncounted, self._uncounted = self._uncounted, 0
        if uncounted:
            log.warning("%s downloads were not counted: too many files wait for the database.", uncounted)
        left = list(counts.items())
        try:
            while left:
                self._keep(dict(left[:_AT_ONCE]))
                del left[:_AT_ONCE]
        except self._away as error:
            log.warning("Downloads cannot be written down now; it is tried again: %s", str(error).strip())
        finally:
            self._take_back(left)

    def _take_back(self, left: list[tuple[tuple[str, int], int]]) -> None:
        with self._lock:
            for key, count in left:
                self._counts[key] = self._counts.get(key, 0) + count

    def _run(self) -> None:
        """Until the process's main thread has ended, and once more."""
        main, due = threading.main_thread(), time.monotonic() + EVERY
        while main.is_alive():
            main.join(_LOOK_EVERY)
            if time.monotonic() >= due or len(self._counts) >= FULL:
                self._try_to_hand_on()
                due = time.monotonic() + EVERY
        self._try_to_hand_on()

    def _try_to_hand_on(self) -> None:
        try:
            self.hand_on()
        except Exception:  # the last line of a thread that nobody would start again
            log.exception("Downloads could not be written down, for a reason that was not expected; it is tried again.")
