"""Periodic work: a loop in every worker, of which one claims each act when it is due."""

import contextlib
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections
from django.utils import timezone
from dramatiq import Actor
from dramatiq.errors import BrokerConnectionError

from downloads import keeping as downloads
from indexsite.models import QueuedMessage, Schedule
from packages import changes, outbox, sealing
from packages.life import retention
from packages.tasks import describe_what_waits
from search import keeping
from storage.contract import StorageUnavailableError, the_storage
from tufsigning.core.renewal import EVERY
from tufsigning.errors import TrustError
from tufsigning.replacing import object_if_unready
from tufsigning.tasks import announce_ends, prune_store, publish_waiting_changes, renew_roles

TICK = 1.0  # seconds
_SWEPT_AFTER = timedelta(seconds=2)
_SWEEP_EVERY = timedelta(seconds=5)
_DESCRIBE_EVERY = timedelta(seconds=5)  # under steady uploads; each time starts a process
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PeriodicAct:
    """Something that every so often one worker does. It may run twice."""

    name: str
    every: timedelta
    run: Callable[[datetime], object]


def prune_incoming(now: datetime) -> None:
    """Remove uploads that a crash left half received on this machine, after a day."""
    for path in the_storage().incoming_folder().iterdir():
        with contextlib.suppress(FileNotFoundError):  # somebody else was quicker
            if path.stat().st_mtime < (now - timedelta(days=1)).timestamp():
                path.unlink()


def _prune(now: datetime) -> None:
    """That, and messages that failed for good, after a while."""
    prune_incoming(now)
    QueuedMessage.objects.filter(is_dead=True, due_at__lt=now - timedelta(days=7)).delete()


def _tend_downloads(now: datetime) -> None:
    """Remove the counts of long ago, and tell the search index what is downloaded most."""
    downloads.remove_old(today=now.date(), days=settings.DOWNLOAD_DAYS)
    keeping.note_downloads(downloads.last_month(today=now.date()))


def _send(actor: Actor[[], None]) -> None:
    """Let a worker do it; where the broker is away, do it here."""
    try:
        actor.send()
    except BrokerConnectionError:
        actor()


ACTS = (
    PeriodicAct("renew-roles", EVERY, lambda now: _send(renew_roles)),
    PeriodicAct("prune", timedelta(hours=1), _prune),
    PeriodicAct("seal-journal", timedelta(minutes=1), lambda now: sealing.seal_all(now=now)),
    PeriodicAct("retention", timedelta(hours=1), lambda now: retention.apply_rules(now=now)),
    PeriodicAct("search-missing", timedelta(days=1), lambda now: keeping.note_what_is_missing()),
    PeriodicAct("downloads", timedelta(hours=1), _tend_downloads),
    PeriodicAct("announce-ends", timedelta(hours=1), lambda now: _send(announce_ends)),
    *(
        [PeriodicAct("prune-store", timedelta(days=settings.PRUNE_EVERY_DAYS), lambda now: _send(prune_store))]
        if settings.PRUNE_EVERY_DAYS
        else []
    ),
)
_SEARCH = PeriodicAct("search", timedelta(seconds=1), lambda now: keeping.keep_up())


def run_schedule(stop: threading.Event) -> None:
    """Until told to stop: run what is due, publish what a lost nudge left, have releases described and found."""
    swept = timezone.now() - _SWEEP_EVERY  # what a killed worker left is taken up at once
    described = timezone.now() - _DESCRIBE_EVERY
    while not stop.wait(TICK):
        now = timezone.now()
        try:
            for act in ACTS:
                if claim(act, now=now):
                    act.run(now)
            if now - swept >= _SWEEP_EVERY and outbox.has_waiting(since=now - _SWEPT_AFTER):
                swept = now
                if not outbox.nudge():
                    publish_waiting_changes()
            object_if_unready(now=now)  # each worker for itself
            if now - described >= _DESCRIBE_EVERY and describe_what_waits():
                described = now
            if changes.has_waiting() and claim(_SEARCH, now=now):
                _SEARCH.run(now)
        except (DatabaseError, InterfaceError, StorageUnavailableError, TrustError) as error:
            log.error("The schedule could not do what is due; it tries again: %s", str(error).strip())
        finally:
            close_old_connections()


def claim(act: PeriodicAct, *, now: datetime) -> bool:
    """Whether the act is due and ours to run: of several workers, one wins the conditional update."""
    due = Schedule.objects.filter(name=act.name).values_list("due_at", flat=True).first()
    if due is None:
        Schedule.objects.get_or_create(name=act.name, defaults={"due_at": now})
        due = now
    if due > now:
        return False
    return bool(Schedule.objects.filter(name=act.name, due_at__lte=now).update(due_at=now + act.every))
