"""Dramatiq over the database, for the embedded default: messages are rows, leased to one worker at a time."""

import secrets
import threading
import time
from collections.abc import Iterable
from datetime import timedelta

from django.db import DatabaseError, close_old_connections, connection, connections, transaction
from django.db.models import Q
from django.utils import timezone
from dramatiq import Broker, Consumer, Message, MessageProxy
from dramatiq.errors import BrokerConnectionError, QueueNotFound
from dramatiq.middleware import Middleware

from indexsite.models import QueuedMessage

# Asked at every upload, and Django takes longer to write it than the database to answer it.
_WAITS = (
    f"SELECT 1 FROM {QueuedMessage._meta.db_table}"  # noqa: S608  # the name of our own table
    " WHERE actor = %s AND leased_until IS NULL AND NOT is_dead AND due_at <= %s LIMIT 1"
)
_LOCKED = " FOR UPDATE SKIP LOCKED"
LEASE = timedelta(seconds=60)
RENEWED_AFTER = 20.0  # seconds
POLL = 0.03  # seconds between looks for a change
LOOK_ANYWAY = 0.5  # seconds after which the queue is looked into, changed or not: delays and leases end by themselves


class DatabaseBroker(Broker):
    """A broker whose queue is a table. `enqueue` joins the transaction it is called in."""

    joins_transactions = True

    def __init__(self, middleware: list[Middleware] | None = None) -> None:
        super().__init__(middleware=middleware)

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 30000) -> Consumer:
        """A consumer of one queue, for a worker's thread."""
        if queue_name not in self.queues:
            raise QueueNotFound(queue_name)  # type: ignore[no-untyped-call]  # Dramatiq's errors are untyped
        return _DatabaseConsumer(queue_name, prefetch)

    def declare_queue(self, queue_name: str) -> None:
        """Know a queue; the table needs no preparation."""
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues[queue_name] = None
            self.emit_after("declare_queue", queue_name)

    def enqueue(self, message: Message[object], *, delay: int | None = None) -> Message[object]:
        """Add the message, due after `delay` milliseconds. A retry has its message's id and takes its row over.

        One with the option `one_is_enough` is not added while another of its actor waits.
        """
        if message.options.get("one_is_enough") and not delay and self._waits(message.actor_name):
            return message
        self.emit_before("enqueue", message, delay)
        QueuedMessage.objects.update_or_create(
            message_id=message.message_id,
            defaults={
                "queue": message.queue_name,
                "actor": message.actor_name,
                "content": message.encode(),
                "due_at": timezone.now() + timedelta(milliseconds=delay or 0),
                "leased_until": None,
                "lease": "",
                "is_dead": False,
            },
        )
        self.emit_after("enqueue", message, delay)
        return message

    def _waits(self, actor: str) -> bool:
        """Whether a message of this actor waits for a worker, who will see what our transaction commits.

        The row stays locked until then, so that no worker takes it before.
        """
        with connection.cursor() as cursor:
            cursor.execute(
                _WAITS + (_LOCKED if connection.vendor == "postgresql" and connection.in_atomic_block else ""),
                [actor, connection.ops.adapt_datetimefield_value(timezone.now())],
            )
            return cursor.fetchone() is not None

    def flush(self, queue_name: str) -> None:
        """Drop everything of a queue."""
        QueuedMessage.objects.filter(queue=queue_name).delete()

    def flush_all(self) -> None:
        """Drop everything."""
        QueuedMessage.objects.all().delete()


class DatabaseConnections(Middleware):
    """Closes the connections of a worker's threads when they are stale, and when the threads end."""

    def before_process_message(self, broker: Broker, message: MessageProxy) -> None:
        """A connection that broke since the last message is replaced."""
        close_old_connections()

    def after_process_message(
        self, broker: Broker, message: MessageProxy, *, result: object = None, exception: BaseException | None = None
    ) -> None:
        """A connection that broke during this message is not kept."""
        close_old_connections()

    def before_consumer_thread_shutdown(self, broker: Broker, thread: object) -> None:
        """The thread's connection ends with it."""
        connections.close_all()

    def before_worker_thread_shutdown(self, broker: Broker, thread: object) -> None:
        """The thread's connection ends with it."""
        connections.close_all()


class _LeasedMessage(MessageProxy):
    """A message and the row by which it is leased."""

    def __init__(self, row_id: int, message: Message[object]) -> None:
        super().__init__(message)
        self.row_id = row_id


class _DatabaseConsumer(Consumer):
    """Leases due messages. A worker that dies lets its leases run out, and another one takes them."""

    def __init__(self, queue_name: str, prefetch: int) -> None:
        self._queue, self._prefetch = queue_name, prefetch
        self._lease = secrets.token_hex(16)
        self._in_hand: set[int] = set()
        self._lock = threading.Lock()
        self._renewed = self._looked = time.monotonic()
        self._version: int | None = None

    def __next__(self) -> MessageProxy | None:
        try:
            self._renew()
            leased = self._take() if len(self._in_hand) < self._prefetch and self._is_worth_a_look() else None
        except DatabaseError as error:
            connections.close_all()  # or the broken connection would be tried for ever
            raise BrokerConnectionError(f"The queue cannot be read: {error}") from error  # type: ignore[no-untyped-call]  # Dramatiq has no types here
        if leased is None:
            time.sleep(POLL)
        return leased

    def ack(self, message: MessageProxy) -> None:
        """The work is done. A retry has made the row somebody else's: then it stays."""
        self._release(message).delete()

    def nack(self, message: MessageProxy) -> None:
        """The work failed for good; the row stays for a week, to be looked at."""
        self._release(message).update(is_dead=True, leased_until=None, lease="")

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Give back what was fetched and not begun."""
        for message in messages:
            self._release(message).update(leased_until=None, lease="")

    def _release(self, message: MessageProxy):  # type: ignore[no-untyped-def]  # a QuerySet; Dramatiq is untyped here
        row_id = message.row_id
        with self._lock:
            self._in_hand.discard(row_id)
        return QueuedMessage.objects.filter(pk=row_id, lease=self._lease)

    def _is_worth_a_look(self) -> bool:
        """Whether a message may have come. SQLite tells for next to nothing whether another connection wrote."""
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA data_version")
                (version,) = cursor.fetchone()
            if version == self._version and time.monotonic() - self._looked < LOOK_ANYWAY:
                return False
            self._version = version
        self._looked = time.monotonic()
        return True

    def _take(self) -> MessageProxy | None:
        """Lease the oldest due message. A look into an empty queue is a read and opens no transaction."""
        now = timezone.now()
        free = Q(leased_until=None) | Q(leased_until__lte=now)
        due = QueuedMessage.objects.filter(free, queue=self._queue, due_at__lte=now, is_dead=False).order_by("due_at")
        row = due.first()
        if row is None:
            return None
        self._version = None  # there may be more
        with transaction.atomic():
            taken = QueuedMessage.objects.filter(free, pk=row.pk, is_dead=False).update(
                lease=self._lease, leased_until=now + LEASE
            )
        if not taken:
            return None
        with self._lock:
            self._in_hand.add(row.pk)
        return _LeasedMessage(row.pk, Message.decode(bytes(row.content)))

    def _renew(self) -> None:
        if not self._in_hand or time.monotonic() - self._renewed < RENEWED_AFTER:
            return
        self._renewed = time.monotonic()
        with self._lock:
            rows = list(self._in_hand)
        QueuedMessage.objects.filter(pk__in=rows, lease=self._lease).update(leased_until=timezone.now() + LEASE)
