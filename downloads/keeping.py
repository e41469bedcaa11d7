"""What was counted, in the database: added in batches, summed for those who ask, old days removed."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db import close_old_connections, connection, transaction
from django.db.models import Sum

from downloads.counter import Counts
from downloads.models import DownloadDay, DownloadTotal
from indexsite_client.protocol import NormalizedName
from packages.models import File

MONTH = timedelta(days=30)
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class ProjectDownloads:
    """Downloads of a project in the last 30 days, and of each of its files by name since they are counted."""

    last_month: int
    totals: dict[str, int]


def add(counts: Counts) -> None:
    """Add these to what is kept, in one transaction; files that the database does not know are left out."""
    close_old_connections()
    try:
        names = {filename for filename, _ in counts}
        rows = File.every.filter(filename__in=names).values_list("filename", "pk", "release__project")
        known = {filename: (pk, project) for filename, pk, project in rows}
        days: list[tuple[Any, ...]] = []
        totals: dict[int, int] = {}
        for (filename, day), count in counts.items():
            if filename in known:
                pk, project = known[filename]
                days.append((project, pk, _EPOCH + timedelta(days=day), count))
                totals[pk] = totals.get(pk, 0) + count
        if days:
            with transaction.atomic():  # in the order of files: two processes never wait for each other
                _upsert(DownloadDay, ("project_id", "file_id", "day"), "file_id, day", sorted(days))
                _upsert(DownloadTotal, ("file_id",), "file_id", sorted(totals.items()))
    finally:
        close_old_connections()


def project_downloads(project: NormalizedName, *, today: date) -> ProjectDownloads:
    """For the project's page, and whoever else asks."""
    recent = DownloadDay.objects.filter(project__name=project, day__gt=today - MONTH)
    totals = DownloadTotal.objects.filter(file__release__project__name=project)
    return ProjectDownloads(
        recent.aggregate(count=Sum("count"))["count"] or 0, dict(totals.values_list("file__filename", "count"))
    )


def last_month(*, today: date) -> dict[int, int]:
    """Downloads in the last 30 days by the projects' ids, of those that have any."""
    recent = DownloadDay.objects.filter(day__gt=today - MONTH).values("project")
    return {row["project"]: row["sum"] for row in recent.annotate(sum=Sum("count"))}


def remove_old(*, today: date, days: int) -> int:
    """Remove the days that are older; totals remain. Returns how many rows that were."""
    return DownloadDay.objects.filter(day__lt=today - timedelta(days=days)).delete()[0]


def _upsert(
    model: type[DownloadDay | DownloadTotal], fields: Collection[str], key: str, rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert rows, their last value the count; where the key is there, the counts are added up."""
    table = model._meta.db_table
    values = ", ".join([f"({', '.join(['%s'] * (len(fields) + 1))})"] * len(rows))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(fields)}, count) VALUES {values} "  # noqa: S608  # names of our own
            f"ON CONFLICT ({key}) DO UPDATE SET count = {table}.count + excluded.count",
            [value for row in rows for value in row],
        )
