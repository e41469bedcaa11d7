"""What lives in the database and in the signed documents, read when a scrape asks: the worker needs no port for it."""

import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from django.conf import settings
from django.db import DatabaseError
from django.db.models import Count, ExpressionWrapper, F, Max, Min, Q, Sum
from django.db.models.fields import DurationField
from django.utils import timezone
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from indexsite.models import QueuedMessage
from indexsite_client.protocol import BIN_PREFIX, ROOT, SNAPSHOT, TIMESTAMP, read_expiry
from packages.models import File, OutboxEntry
from storage.contract import StorageUnavailableError
from tufsigning.announcing import offline_expiries
from tufsigning.core.documents import read_signed
from tufsigning.core.publication import Current
from tufsigning.errors import TrustError
from tufsigning.library import Library
from tufsigning.models import KeyUse, Publication
from tufsigning.records import heads_of

KEPT_SECONDS = 60.0  # of what takes a look at every row
Value = TypeVar("Value")
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Published:
    """Publications up to a number: how many, their documents, and the time they took together."""

    number: int = 0
    count: int = 0
    documents: int = 0
    took: timedelta = timedelta()
    last: datetime | None = None


class IndexFigures(Collector):
    """Publications, queue, roles and storage. One for a process; safe for several scrapes at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._library = Library()
        self._published = _Published()
        self._kept: dict[str, tuple[float, object]] = {}

    def describe(self) -> Iterable[Metric]:
        """Nothing ahead of time: it would need the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The families, for a scrape. A part that cannot be read is left out, and `indexsite_readable` says which."""
        readable = GaugeMetricFamily("indexsite_readable", "1 where this part could be read.", labels=["part"])
        parts: dict[str, Callable[[], list[Metric]]] = {"database": self._from_database, "trust": self._from_documents}
        with self._lock:
            for part, read in parts.items():
                try:
                    yield from read()
                    readable.add_metric([part], 1)
                except (DatabaseError, StorageUnavailableError, TrustError) as error:
                    log.warning("Metrics lack the figures of the %s: %s", part, error)
                    readable.add_metric([part], 0)
        yield readable
        yield _gauge("disk_free_bytes", "Free bytes where the data folder lies.", _free_bytes())

    def _from_database(self) -> list[Metric]:
        return [*self._publications(), *_queue(), *self._remembered("storage", _storage)]

    def _publications(self) -> list[Metric]:
        """All publications that became visible: those since the last look are added to what was counted before."""
        before = self._published
        took = ExpressionWrapper(F("visible_at") - F("signed_at"), output_field=DurationField())
        new = Publication.objects.filter(number__gt=before.number).exclude(visible_at=None)
        found = new.aggregate(
            number=Max("number"), count=Count("id"), documents=Sum("documents"), took=Sum(took), last=Max("visible_at")
        )
        if found["count"]:
            self._published = _Published(
                number=found["number"],
                count=before.count + found["count"],
                documents=before.documents + found["documents"],
                took=before.took + found["took"],
                last=found["last"],
            )
        now = self._published
        last = now.last.timestamp() if now.last else 0
        return [
            _counter("publications", "Publications that became visible.", now.count),
            _counter("published_documents", "Documents signed for them.", now.documents),
            _counter("publication_seconds", "Seconds from claiming versions to visible.", now.took.total_seconds()),
            _gauge("last_publication_timestamp_seconds", "When the last one became visible; 0 before.", last),
            *self._remembered("key-uses", _key_uses),
        ]

    def _from_documents(self) -> list[Metric]:
        """Seconds left per role, of the documents that clients see."""
        current, now = self._library.current(), timezone.now()
        contents = {ROOT: current.roots[-1], TIMESTAMP: current.timestamp, SNAPSHOT: current.snapshot, **current.upper}
        expiries = {role: read_expiry(read_signed(content)) for role, content in contents.items()}
        family = GaugeMetricFamily(
            "indexsite_role_seconds_left",
            "Seconds until a role's document expires; of the bins, the soonest.",
            labels=["role", "renewed_by"],
        )
        by_people = offline_expiries(current)
        soonest = self._remembered("bins", lambda: _soonest_bin(current))
        for role, expires in {**expiries, **({BIN_PREFIX: soonest} if soonest else {})}.items():
            who = "people" if role in by_people else "server"
            family.add_metric([role, who], (expires - now).total_seconds())
        return [family]

    def _remembered(self, name: str, read: Callable[[], Value]) -> Value:
        """What takes a look at every row is read once a minute."""
        at, value = self._kept.get(name, (0.0, None))
        if value is None or time.monotonic() - at > KEPT_SECONDS:
            value = read()
            self._kept[name] = time.monotonic(), value
        return value  # type: ignore[return-value]  # what `read` of this name gave


def _key_uses() -> list[Metric]:
    uses = KeyUse.objects.aggregate(count=Max("number"), untold=Count("id", filter=Q(is_told=False)))
    return [
        _counter("key_uses", "Publications that an online key signed, burnt ones included.", uses["count"] or 0),
        _counter("key_uses_untold", "Of these, those that INDEXSITE_KEY_USE_SINK did not take.", uses["untold"]),
    ]


def _queue() -> list[Metric]:
    now = timezone.now()
    waiting = OutboxEntry.objects.filter(settled_at=None).aggregate(count=Count("id"), oldest=Min("created_at"))
    age = (now - waiting["oldest"]).total_seconds() if waiting["oldest"] else 0.0
    messages = GaugeMetricFamily("indexsite_messages", "Messages of the database broker.", labels=["state"])
    for state, is_dead in {"waiting": False, "dead": True}.items():
        messages.add_metric([state], QueuedMessage.objects.filter(is_dead=is_dead).count())
    return [
        _gauge("outbox_waiting", "Changes that wait to be published.", waiting["count"]),
        _gauge("outbox_oldest_seconds", "Age of the oldest of them.", max(age, 0.0)),
        messages,
    ]


def _storage() -> list[Metric]:
    found = File.objects.aggregate(count=Count("id"), size=Sum("size"))
    return [
        _gauge("files", "Distribution files.", found["count"]),
        _gauge("files_bytes", "Bytes of the distribution files.", found["size"] or 0),
    ]


def _soonest_bin(current: Current) -> datetime | None:
    soonest: datetime | None = heads_of(current.bins).aggregate(soonest=Min("expires_at"))["soonest"]
    return soonest


def _free_bytes() -> int:
    return shutil.disk_usage(settings.DATA).free


def _gauge(name: str, says: str, value: float) -> Metric:
    return GaugeMetricFamily(f"indexsite_{name}", says, value=value)


def _counter(name: str, says: str, value: float) -> Metric:
    return CounterMetricFamily(f"indexsite_{name}", says, value=value)
