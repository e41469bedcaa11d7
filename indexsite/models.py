"""The rows of the embedded broker and of the schedule."""

from django.db import models
from django.db.models import Q


class QueuedMessage(models.Model):
    """A Dramatiq message of the database broker: queued, leased to a worker, or dead."""

    queue = models.CharField(max_length=100)
    actor = models.CharField(max_length=100, blank=True)
    message_id = models.CharField(max_length=64, unique=True)
    content = models.BinaryField()
    due_at = models.DateTimeField()
    leased_until = models.DateTimeField(null=True)
    lease = models.CharField(max_length=32, blank=True)
    is_dead = models.BooleanField(default=False)

    class Meta:
        indexes = [models.Index(name="message_due", fields=["queue", "due_at"], condition=Q(is_dead=False))]

    def __str__(self) -> str:
        return self.message_id


class Schedule(models.Model):
    """When a periodic act is due again. Workers claim it by a conditional update."""

    name = models.CharField(max_length=60, unique=True)
    due_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
