"""Dramatiq's middleware: every line that a worker logs while it handles a message names it."""

from dramatiq import Broker, MessageProxy
from dramatiq.middleware import Middleware
from structlog.contextvars import bind_contextvars, clear_contextvars


class MessageLog(Middleware):
    """Binds message id and act; the publisher adds the publication's number."""

    def before_process_message(self, broker: Broker, message: MessageProxy) -> None:
        """From here on, lines are about this message."""
        clear_contextvars()
        bind_contextvars(message_id=message.message_id, act=message.actor_name)

    def after_process_message(
        self, broker: Broker, message: MessageProxy, *, result: object = None, exception: BaseException | None = None
    ) -> None:
        """The thread goes on to something else."""
        clear_contextvars()

    def after_skip_message(self, broker: Broker, message: MessageProxy) -> None:
        """Likewise."""
        clear_contextvars()
