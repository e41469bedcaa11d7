"""Which projects changed for those who read: written where a change becomes visible, read by the search index.

The row is the message, as the outbox's is. An upload writes none: its publication does.
"""

import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import Q

from packages.models import ChangedProject, File, Project

_AT_ONCE = 200  # values in a statement


@dataclass(frozen=True, slots=True)
class ChangedReading:
    """A project to be read anew, and the number of its last change when this was asked, which never comes again."""

    project_id: int
    times: int


def note(project_ids: Iterable[int]) -> None:
    """Say, inside the transaction that makes it visible, that these projects changed."""
    ids = sorted(set(project_ids))  # in one order: two transactions that note the same never wait for each other
    for start in range(0, len(ids), _AT_ONCE):
        chosen = ids[start : start + _AT_ONCE]
        # the clock, not 1: a row that was settled and written again must not look like the one that was settled
        rows = ", ".join([f"(%s, {time.time_ns()})"] * len(chosen))
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO packages_changedproject (project_id, times) VALUES {rows} "  # noqa: S608  # placeholders
                "ON CONFLICT (project_id) DO UPDATE SET times = packages_changedproject.times + 1",
                chosen,
            )


def note_projects(names: Collection[str]) -> None:
    """The same by their names."""
    note(Project.every.filter(name__in=list(names)).values_list("pk", flat=True))


def waiting(*, limit: int) -> list[ChangedReading]:
    """Projects to be read anew, in no order."""
    rows = ChangedProject.objects.values_list("project_id", "times")[:limit]
    return [ChangedReading(*row) for row in rows]


def has_waiting() -> bool:
    """Whether there are any."""
    return ChangedProject.objects.exists()


def settle(read: Iterable[ChangedReading]) -> list[int]:
    """These were read; what changed again meanwhile stays, and what another settled first is not this caller's.

    Returns the ids of those settled. They are locked in the order in which `note` writes them, so that neither waits
    for the other in a circle.
    """
    done = Q(pk__in=[])
    for each in read:
        done |= Q(project_id=each.project_id, times=each.times)
    with transaction.atomic():
        held = ChangedProject.objects.filter(done).order_by("pk").select_for_update()
        settled = list(held.values_list("pk", flat=True))
        ChangedProject.objects.filter(pk__in=settled).delete()
    return settled


def published_project_ids() -> Iterable[int]:
    """Every project with a published file."""
    published = File.objects.filter(state=File.State.PUBLISHED).values("release__project")
    return Project.objects.filter(pk__in=published).values_list("pk", flat=True).iterator(chunk_size=2000)
