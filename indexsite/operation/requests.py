"""The outermost WSGI layer: counts every request, and logs those that Django does not, where that is asked for."""

import logging
import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from time import perf_counter

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from indexsite.operation.logs import loggable_path
from indexsite.reading.answers import Environ, StartResponse
from indexsite.reading.layer import WsgiApp

LOGGED = "indexsite.logged"  # set in the environ by whoever wrote the request's access line
_BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds
_KINDS = frozenset({"simple", "files", "tuf", "legacy"})
_PAGES = "pages"  # and everything else that is neither an installer's nor an uploader's
log = logging.getLogger("indexsite.access")


class RequestCounts(Collector):
    """How many requests were answered, by kind and class of status, and how long the answers took to begin.

    A plain table under a lock: a labelled counter of prometheus-client costs several times as much, and the read layer
    answers ten thousand requests a second. Kinds are few and fixed, so that no client can make the table grow.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: dict[tuple[str, str, int], int] = {}  # by kind, class of status, and place among the bounds
        self._seconds = dict.fromkeys(sorted({*_KINDS, _PAGES}), 0.0)

    def add(self, kind: str, status: str, seconds: float) -> None:
        """Count one answer; `status` is the status line."""
        key = kind, status[0], bisect_left(_BOUNDS, seconds)
        with self._lock:
            self._answers[key] = self._answers.get(key, 0) + 1
            self._seconds[kind] += seconds

    def describe(self) -> Iterable[Metric]:
        """Nothing ahead of time."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The families, for a scrape."""
        with self._lock:
            answers, seconds = dict(self._answers), dict(self._seconds)
        statuses: Counter[tuple[str, str]] = Counter()
        buckets = {kind: [0] * (len(_BOUNDS) + 1) for kind in seconds}
        for (kind, digit, place), count in answers.items():
            statuses[kind, digit] += count
            buckets[kind][place] += count
        requests = CounterMetricFamily("indexsite_requests", "Requests answered.", labels=["kind", "status"])
        for (kind, digit), count in sorted(statuses.items()):
            requests.add_metric([kind, f"{digit}xx"], count)
        yield requests
        durations = HistogramMetricFamily(
            "indexsite_request_seconds", "Seconds until an answer began; an upload's body included.", labels=["kind"]
        )
        for kind, counts in buckets.items():
            if any(counts):
                durations.add_metric([kind], _cumulate(counts), seconds[kind])
        yield durations


class Counted:
    """Wraps the application. `access_log`: whether requests that Django did not answer are logged too."""

    def __init__(self, application: WsgiApp, counts: RequestCounts, *, access_log: bool = False) -> None:
        self._application, self._counts, self._access_log = application, counts, access_log

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """PEP 3333. An application that fails before it calls start_response is the server's to answer and log."""
        began = perf_counter()

        def noting(status: str, headers: list[tuple[str, str]]) -> object:
            seconds = perf_counter() - began
            first = environ["PATH_INFO"][1:].partition("/")[0]
            self._counts.add(first if first in _KINDS else _PAGES, status, seconds)
            if self._access_log and LOGGED not in environ:
                _log(environ, status, headers, seconds)
            return start_response(status, headers)

        return self._application(environ, noting)


def _cumulate(counts: list[int]) -> list[tuple[str, float]]:
    total, cumulated = 0, []
    for bound, count in zip([*map(str, _BOUNDS), "+Inf"], counts, strict=True):
        total += count
        cumulated.append((bound, float(total)))
    return cumulated


def _log(environ: Environ, status: str, headers: list[tuple[str, str]], seconds: float) -> None:
    length = next((value for name, value in headers if name == "Content-Length"), "")
    fields = {
        "method": environ["REQUEST_METHOD"],
        "path": loggable_path(environ["PATH_INFO"]),
        "status": int(status[:3]),
        "ms": round(seconds * 1000, 1),
        "bytes": int(length) if length else None,
        "client": environ.get("REMOTE_ADDR"),
    }
    log.info("request", extra={"fields": fields})
