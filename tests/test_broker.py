"""The database broker: leases that end, messages that fail, retries that overtake an acknowledgement."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from dramatiq import Consumer, Message, MessageProxy
from dramatiq.errors import QueueNotFound

from indexsite.broker import LEASE, DatabaseBroker
from indexsite.models import QueuedMessage
from tests.running import eventually

pytestmark = pytest.mark.django_db
QUEUE = "errands"


@pytest.fixture
def broker() -> Iterator[DatabaseBroker]:
    broker = DatabaseBroker()
    broker.declare_queue(QUEUE)
    yield broker
    broker.close()


def message() -> Message[object]:
    return Message(queue_name=QUEUE, actor_name="run", args=(), kwargs={}, options={})


def nudge() -> Message[object]:
    return Message(queue_name=QUEUE, actor_name="run", args=(), kwargs={}, options={"one_is_enough": True})


def take(consumer: Consumer) -> MessageProxy:
    taken = eventually(lambda: next(consumer), within=5, what="a message")
    assert taken is not None
    return taken


def is_offered_nothing(consumer: Consumer) -> bool:
    """Looks for longer than a consumer may put off a look."""
    deadline = timezone.now() + timedelta(seconds=0.7)
    offered: list[MessageProxy] = []

    def looked_long_enough() -> bool:
        found = next(consumer)
        if found is not None:
            offered.append(found)
        return bool(offered) or timezone.now() > deadline

    eventually(looked_long_enough, within=5)
    return not offered


def let_leases_end() -> None:
    QueuedMessage.objects.update(leased_until=timezone.now() - timedelta(seconds=1))


def test_a_message_is_leased_to_one_worker_until_its_work_is_done(broker: DatabaseBroker) -> None:
    sent = broker.enqueue(message())
    one, other = broker.consume(QUEUE, prefetch=2), broker.consume(QUEUE, prefetch=2)
    taken = take(one)
    assert taken.message_id == sent.message_id
    assert is_offered_nothing(other)
    assert is_offered_nothing(one)
    row = QueuedMessage.objects.get()
    assert row.leased_until is not None
    assert abs(row.leased_until - timezone.now() - LEASE) < timedelta(seconds=10)
    one.ack(taken)
    assert not QueuedMessage.objects.exists()


def test_a_message_of_a_killed_worker_is_taken_up_after_its_lease(broker: DatabaseBroker) -> None:
    sent = broker.enqueue(message())
    killed, other = broker.consume(QUEUE), broker.consume(QUEUE)
    stale = take(killed)
    let_leases_end()
    taken = take(other)
    assert taken.message_id == sent.message_id
    killed.ack(stale)  # it was not killed after all, only slow: what it says no longer counts
    assert QueuedMessage.objects.count() == 1
    killed.nack(stale)
    assert not QueuedMessage.objects.get().is_dead
    other.ack(taken)
    assert not QueuedMessage.objects.exists()


def test_a_retry_keeps_its_message_when_the_first_run_is_acknowledged_late(broker: DatabaseBroker) -> None:
    consumer = broker.consume(QUEUE)
    sent = broker.enqueue(message())
    first = take(consumer)
    broker.enqueue(sent.copy(options={"retries": 1}), delay=60_000)
    consumer.ack(first)
    row = QueuedMessage.objects.get()
    assert Message.decode(bytes(row.content)).options == {"retries": 1}
    assert row.due_at > timezone.now() + timedelta(seconds=50)
    assert is_offered_nothing(consumer)
    QueuedMessage.objects.update(due_at=timezone.now())
    consumer.ack(take(consumer))
    assert not QueuedMessage.objects.exists()


def test_what_failed_for_good_is_kept_and_not_offered_again(broker: DatabaseBroker) -> None:
    consumer = broker.consume(QUEUE)
    broker.enqueue(message())
    consumer.nack(take(consumer))
    row = QueuedMessage.objects.get()
    assert (row.is_dead, row.lease, row.leased_until) == (True, "", None)
    assert is_offered_nothing(consumer)
    sent = broker.enqueue(message())
    assert take(consumer).message_id == sent.message_id  # nor does it stand in the way of others


def test_what_was_fetched_and_not_begun_is_offered_at_once(broker: DatabaseBroker) -> None:
    one, other = broker.consume(QUEUE), broker.consume(QUEUE)
    sent = broker.enqueue(message())
    one.requeue([take(one)])
    assert take(other).message_id == sent.message_id


def test_a_worker_takes_no_more_than_it_may_fetch_ahead_oldest_first(broker: DatabaseBroker) -> None:
    consumer = broker.consume(QUEUE, prefetch=2)
    sent = [broker.enqueue(message()).message_id for _ in range(3)]
    first, second = take(consumer), take(consumer)
    assert [first.message_id, second.message_id] == sent[:2]
    assert is_offered_nothing(consumer)
    consumer.ack(first)
    assert take(consumer).message_id == sent[2]


def test_a_message_goes_with_the_transaction_that_it_was_sent_in(broker: DatabaseBroker) -> None:
    with transaction.atomic():
        broker.enqueue(message())
        transaction.set_rollback(True)
    assert not QueuedMessage.objects.exists()


def test_an_unknown_queue_is_an_error(broker: DatabaseBroker) -> None:
    with pytest.raises(QueueNotFound):
        broker.consume("nobody-declared-this")


def test_of_messages_that_say_the_same_one_waits_and_another_comes_once_it_is_taken(broker: DatabaseBroker) -> None:
    for _ in range(3):
        broker.enqueue(nudge())
    consumer = broker.consume(QUEUE, prefetch=2)
    first = take(consumer)
    assert is_offered_nothing(consumer)
    broker.enqueue(nudge())  # whoever took the first may have looked already
    second = take(consumer)
    assert second.message_id != first.message_id
    consumer.ack(first)
    consumer.ack(second)
    assert not QueuedMessage.objects.exists()


def test_a_message_that_failed_or_is_put_off_keeps_no_other_from_coming(broker: DatabaseBroker) -> None:
    consumer = broker.consume(QUEUE)
    broker.enqueue(nudge())
    consumer.nack(take(consumer))
    broker.enqueue(nudge(), delay=60_000)
    sent = broker.enqueue(nudge())
    assert take(consumer).message_id == sent.message_id
