"""The composition root as a Django app: the broker, and the checks."""

import dramatiq
from django.apps import AppConfig
from django.conf import settings
from dramatiq.middleware import Middleware, Retries, TimeLimit


class IndexsiteConfig(AppConfig):
    """Knows all the other apps."""

    name = "indexsite"

    def ready(self) -> None:
        """Choose the broker and register the system checks; both need the models, which exist only now."""
        from indexsite import checks  # noqa: F401, PLC0415  # registers the checks
        from indexsite.broker import DatabaseBroker, DatabaseConnections  # noqa: PLC0415

        middleware: list[Middleware] = [TimeLimit(), Retries(), DatabaseConnections()]
        if not settings.BROKER_URL:
            dramatiq.set_broker(DatabaseBroker(middleware=middleware))
            return
        from indexsite.redis_broker import BoundedRedisBroker  # noqa: PLC0415  # its library is imported where used

        dramatiq.set_broker(BoundedRedisBroker(settings.BROKER_URL, middleware=middleware))
