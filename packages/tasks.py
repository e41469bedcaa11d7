"""The worker's acts on what the index holds. Each may run twice, late, or at once with itself."""

import logging
import threading

import dramatiq
from django.db import InterfaceError, OperationalError
from django.utils import timezone
from dramatiq.errors import BrokerConnectionError

from packages import descriptions
from packages.outbox import PUBLISH_QUEUE

_at_work = threading.Lock()
log = logging.getLogger(__name__)


@dramatiq.actor(actor_name="describe_releases", queue_name=PUBLISH_QUEUE, max_retries=0)
def describe_releases() -> None:
    """Describe what is published and not described yet: one thread of a worker at most, for the others publish."""
    if not _at_work.acquire(blocking=False):
        return
    try:
        descriptions.describe_waiting(timezone.now)
    except (OperationalError, InterfaceError) as error:
        log.error("Releases could not be described; it is tried again within minutes: %s", str(error).strip())
    finally:
        _at_work.release()


def describe_what_waits() -> bool:
    """Wake a worker where a published release is to be described; False where there is none, or no broker."""
    if not descriptions.has_waiting(now=timezone.now()):
        return False
    try:
        describe_releases.send_with_options(one_is_enough=True)
    except BrokerConnectionError as error:
        log.warning("No worker could be woken to describe releases; it is tried again: %s", error)
        return False
    return True
