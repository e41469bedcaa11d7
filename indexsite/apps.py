"""The composition root as a Django app: the broker, and the checks."""

import dramatiq
from django.apps import AppConfig
from dramatiq.middleware import Retries, TimeLimit


class IndexsiteConfig(AppConfig):
    """Knows all the other apps."""

    name = "indexsite"

    def ready(self) -> None:
        """Choose the broker and register the system checks; both need the models, which exist only now."""
        from indexsite import checks  # noqa: F401, PLC0415  # registers the checks
        from indexsite.broker import DatabaseBroker, DatabaseConnections  # noqa: PLC0415
        from indexsite.operation.message_log import MessageLog  # noqa: PLC0415

        dramatiq.set_broker(DatabaseBroker(middleware=[TimeLimit(), Retries(), DatabaseConnections(), MessageLog()]))
