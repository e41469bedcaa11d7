"""The worker's acts. Each may run twice, late, or at once with itself."""

import dramatiq

from packages.outbox import PUBLISH_ACTOR, PUBLISH_QUEUE
from tufsigning.ceremony import renew_development_roles
from tufsigning.clock import signing_time
from tufsigning.core.documents import Document
from tufsigning.core.publication import Current
from tufsigning.errors import PublicationRaceError
from tufsigning.library import Library
from tufsigning.publisher import Publisher

RENEW_ACTOR = "renew_roles"
publisher = Publisher(Library())  # remembers what it published


@dramatiq.actor(actor_name=PUBLISH_ACTOR, queue_name=PUBLISH_QUEUE, max_retries=5, throws=PublicationRaceError)
def publish_waiting_changes() -> None:
    """Publish what waits in the outbox."""
    publisher.publish_waiting(signing_time)


@dramatiq.actor(actor_name=RENEW_ACTOR, queue_name=PUBLISH_QUEUE, max_retries=5, throws=PublicationRaceError)
def renew_roles() -> None:
    """Sign anew what nears its expiry."""
    publisher.renew(signing_time, renew_offline=_renew_offline)


def _renew_offline(current: Current) -> tuple[Document, ...]:
    return renew_development_roles(current, now=signing_time())
