"""Dramatiq over Redis, for more than one machine: bounded waiting, and every fault of Redis told as one kind."""

from collections.abc import Callable

import redis
from dramatiq.brokers.redis import RedisBroker
from dramatiq.errors import ConnectionClosed
from dramatiq.middleware import Middleware
from redis.backoff import NoBackoff
from redis.retry import Retry

_SECONDS = 2.0  # that Redis may take to answer


class BoundedRedisBroker(RedisBroker):
    """Dramatiq's, whose messages may be lost at any time: a sweep finds what waits."""

    def __init__(self, url: str, *, middleware: list[Middleware]) -> None:
        client = redis.Redis.from_url(
            url,
            socket_timeout=_SECONDS,
            socket_connect_timeout=_SECONDS,
            health_check_interval=30,
            retry=Retry(NoBackoff(), 1),  # once, for a connection that Redis closed while it was idle
        )
        super().__init__(client=client, namespace="indexsite", middleware=middleware)  # type: ignore[no-untyped-call]  # untyped

    def _dispatch(self, command: str) -> Callable[..., object]:
        """Run a command; raises ConnectionClosed, which Dramatiq's workers survive, whatever is wrong with Redis."""
        dispatch = super()._dispatch(command)  # type: ignore[no-untyped-call]  # untyped

        def ask(*arguments: object) -> object:
            try:
                return dispatch(*arguments)
            except redis.RedisError as error:
                raise ConnectionClosed(error) from None  # type: ignore[no-untyped-call]  # untyped

        return ask
