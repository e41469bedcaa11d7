"""The composition root as a Django app: the broker, and the checks."""

import sys

import dramatiq
from django.apps import AppConfig
from django.conf import settings
from dramatiq.middleware import Middleware, Retries, TimeLimit


class IndexsiteConfig(AppConfig):
    """Knows all the other apps."""

    name = "indexsite"

    def ready(self) -> None:
        """Choose the broker and register the system checks; both need the models, which exist only now."""
        if "bucket_name" not in settings.STORAGES["default"].get("OPTIONS", {}):
            leave_boto3_out()
        from indexsite import checks  # noqa: F401, PLC0415  # registers the checks
        from indexsite.broker import DatabaseBroker, DatabaseConnections  # noqa: PLC0415
        from indexsite.operation.message_log import MessageLog  # noqa: PLC0415

        middleware: list[Middleware] = [TimeLimit(), Retries(), DatabaseConnections(), MessageLog()]
        if not settings.BROKER_URL:
            dramatiq.set_broker(DatabaseBroker(middleware=middleware))
            return
        from indexsite.redis_broker import BoundedRedisBroker  # noqa: PLC0415  # its library is imported where used

        dramatiq.set_broker(BoundedRedisBroker(settings.BROKER_URL, middleware=middleware))


def leave_boto3_out() -> None:
    """securesystemslib imports boto3 wherever it is installed, which costs every process 0.2 s and 15 MB for nothing.

    It goes on without where the import fails. A key in Amazon's KMS (awskms:) needs it.
    """
    uris = (settings.ONLINE_KEY.get_secret_value(), settings.ONLINE_KEY_NEXT.get_secret_value())
    if not any(uri.startswith("awskms:") for uri in uris):
        sys.modules.setdefault("boto3", None)  # type: ignore[arg-type]  # None means that there is none
