"""The worker's acts. Each may run twice, late, or at once with itself."""

import logging

import dramatiq
from django.db import InterfaceError, OperationalError

from packages.outbox import PUBLISH_ACTOR, PUBLISH_QUEUE
from storage.contract import StorageUnavailableError
from tufsigning.ceremony import renew_development_roles
from tufsigning.clock import signing_time
from tufsigning.core.documents import Document
from tufsigning.core.publication import Current
from tufsigning.errors import PublicationRaceError
from tufsigning.library import Library
from tufsigning.publisher import Publisher

RENEW_ACTOR = "renew_roles"
_AWAY = (StorageUnavailableError, OperationalError, InterfaceError)  # a store or a database, for the moment
publisher = Publisher(Library())  # remembers what it published
log = logging.getLogger(__name__)


@dramatiq.actor(actor_name=PUBLISH_ACTOR, queue_name=PUBLISH_QUEUE, max_retries=5, throws=PublicationRaceError)
def publish_waiting_changes() -> None:
    """Publish what waits in the outbox. What cannot be reached is tried again by the worker's sweep."""
    try:
        publisher.publish_waiting(signing_time)
    except _AWAY as error:
        log.error("Nothing could be published; it is tried again within seconds: %s", str(error).strip())


@dramatiq.actor(actor_name=RENEW_ACTOR, queue_name=PUBLISH_QUEUE, max_retries=5, throws=(PublicationRaceError, *_AWAY))
def renew_roles() -> None:
    """Sign anew what nears its expiry."""
    publisher.renew(signing_time, renew_offline=_renew_offline)


def _renew_offline(current: Current) -> tuple[Document, ...]:
    return renew_development_roles(current, now=signing_time())
