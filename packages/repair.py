"""Repairing the sums of what projects and accounts store, where they say otherwise than the files do."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Count, Sum

from packages import journal
from packages.models import AccountUsage, File, Project


@dataclass(frozen=True, slots=True)
class Repaired:
    """A sum that was wrong, of a project or an account; sizes in bytes. Of accounts, files are not counted."""

    owner: str
    had: tuple[int, int]
    has: tuple[int, int]

    def __str__(self) -> str:
        if self.had[1] == self.has[1]:
            return f"{self.owner}: {self.has[0]} bytes, not {self.had[0]}"
        return f"{self.owner}: {self.has[0]} bytes in {self.has[1]} files, not {self.had[0]} in {self.had[1]}"


def repair_usage(*, now: datetime) -> Iterator[Repaired]:
    """Count what is stored, and mend each sum that differs, in a short transaction of its own.

    Uploads and deletions may go on: one question tells which sums are wrong, and each of those is counted again while
    its row is held, so that whoever adds to it or takes off comes before or after.
    """
    for project in _wrong_projects():
        if repaired := _repair_project(project, now=now):
            yield repaired
    for user in _wrong_accounts():
        if repaired := _repair_account(user, now=now):
            yield repaired


def _wrong_projects() -> list[int]:
    stored = {pk: sums for pk, *sums in File.objects.values_list("release__project").annotate(Sum("size"), Count("pk"))}
    known = Project.every.values_list("pk", "stored_bytes", "stored_files")
    return [pk for pk, *sums in known.order_by("pk") if sums != stored.get(pk, [0, 0])]


def _wrong_accounts() -> list[int]:
    uploads = File.objects.exclude(uploaded_by=None).values_list("uploaded_by")
    stored = dict(uploads.annotate(Sum("size")))
    known = dict(AccountUsage.objects.values_list("user_id", "stored_bytes"))
    return sorted(user for user in stored.keys() | known.keys() if stored.get(user, 0) != known.get(user, 0))


@transaction.atomic
def _repair_project(pk: int, *, now: datetime) -> Repaired | None:
    project = Project.every.select_for_update().get(pk=pk)
    sums = File.objects.filter(release__project=project).aggregate(size=Sum("size"), files=Count("pk"))
    had, has = (project.stored_bytes, project.stored_files), (sums["size"] or 0, sums["files"])
    if had == has:
        return None
    project.stored_bytes, project.stored_files = has
    project.save(update_fields=["stored_bytes", "stored_files"])
    counts = {"bytes": has[0], "files": has[1], "had_bytes": had[0], "had_files": had[1]}
    journal.entry("usage.repaired", now=now, project=project.name, **counts).save()
    return Repaired(f"project {project.name}", had, has)


def _repair_account(user: int, *, now: datetime) -> Repaired | None:
    try:
        with transaction.atomic():
            AccountUsage.objects.get_or_create(user_id=user)
    except IntegrityError:  # the user is deleted meanwhile
        return None
    with transaction.atomic():
        usage = AccountUsage.objects.select_for_update(of=("self",)).select_related("user").get(user_id=user)
        size = File.objects.filter(uploaded_by=user).aggregate(size=Sum("size"))["size"] or 0
        had, usage.stored_bytes = usage.stored_bytes, size
        if had == size:
            return None
        usage.save(update_fields=["stored_bytes"])
        details: dict[str, str | int] = {"user": usage.user.username, "bytes": size, "had_bytes": had}
        journal.entry("usage.repaired", now=now, caller=None, project="", **details).save()
    return Repaired(f"account {usage.user.username}", (had, 0), (size, 0))
