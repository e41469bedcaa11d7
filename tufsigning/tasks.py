"""The worker's acts. Each may run twice, late, or at once with itself."""

import logging
from datetime import timedelta

import dramatiq
from django.conf import settings
from django.db import InterfaceError, OperationalError

from packages.outbox import PUBLISH_ACTOR, PUBLISH_QUEUE
from storage.contract import StorageUnavailableError
from tufsigning.announcing import announce_expiries
from tufsigning.ceremony import renew_development_roles
from tufsigning.clock import signing_time
from tufsigning.core.documents import Document
from tufsigning.core.publication import Current
from tufsigning.errors import PublicationRaceError, TrustError
from tufsigning.importing import finish_import
from tufsigning.library import Library
from tufsigning.pruning import prune
from tufsigning.publisher import Publisher

RENEW_ACTOR = "renew_roles"
_AWAY = (StorageUnavailableError, OperationalError, InterfaceError)  # a store or a database, for the moment
_LONG = 12 * 3_600_000  # milliseconds
publisher = Publisher(Library())  # remembers what it published
log = logging.getLogger(__name__)


@dramatiq.actor(actor_name=PUBLISH_ACTOR, queue_name=PUBLISH_QUEUE, max_retries=5, throws=PublicationRaceError)
def publish_waiting_changes() -> None:
    """Publish what waits in the outbox. What cannot be reached is tried again by the worker's sweep."""
    try:
        finish_import(publisher, signing_time)  # first: until it is visible, nothing else may be
        publisher.publish_waiting(signing_time)
    except _AWAY as error:
        log.error("Nothing could be published; it is tried again within seconds: %s", str(error).strip())


@dramatiq.actor(actor_name=RENEW_ACTOR, queue_name=PUBLISH_QUEUE, max_retries=5, throws=(PublicationRaceError, *_AWAY))
def renew_roles() -> None:
    """Sign anew what nears its expiry."""
    finish_import(publisher, signing_time)
    publisher.renew(signing_time, renew_offline=_renew_offline)


@dramatiq.actor(queue_name=PUBLISH_QUEUE, max_retries=0, time_limit=_LONG, throws=(TrustError, *_AWAY))
def prune_store() -> None:
    """Remove what nothing needs any more. What is left over is removed the next time."""
    pruned = prune(Library(), signing_time, grace=timedelta(days=settings.PRUNE_GRACE_DAYS))
    log.info("Pruned %s.", pruned)


@dramatiq.actor(queue_name=PUBLISH_QUEUE, max_retries=0, throws=(TrustError, *_AWAY))
def announce_ends() -> None:
    """Say which offline roles near their end."""
    announce_expiries(Library().current(), now=signing_time())


def _renew_offline(current: Current) -> tuple[Document, ...]:
    return renew_development_roles(current, now=signing_time())
