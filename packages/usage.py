"""How much projects and accounts store: sums that are kept with each file that comes or goes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db import connection
from django.db.models import Count, F, Sum
from django.db.models.functions import Greatest

from packages.models import AccountUsage, File, Project

_ADD_TO_PROJECT = (
    "UPDATE packages_project SET stored_bytes = stored_bytes + %s, stored_files = stored_files + %s WHERE id = %s"
)
_ADD_TO_ACCOUNT = (
    "UPDATE packages_accountusage SET stored_bytes = stored_bytes + %s "
    "WHERE user_id = %s AND (%s = 0 OR stored_bytes + %s <= %s)"
)


class ChangedMeanwhileError(Exception):
    """Another process used up what was still free: look again."""


@dataclass(slots=True)
class Growth:
    """What one transaction adds to a project or an account; `quota` in bytes, 0 without limit."""

    size: int = 0
    files: int = 0
    quota: int = 0


def add_to_projects(grown: Mapping[int, Growth]) -> None:
    """Add to the sums of projects, by id, which the transaction has locked, so that their quotas hold."""
    with connection.cursor() as cursor:
        for project_id, growth in sorted(grown.items()):
            cursor.execute(_ADD_TO_PROJECT, [growth.size, growth.files, project_id])


def add_to_accounts(grown: Mapping[int, Growth], *, known: Iterable[int]) -> None:
    """Add to the sums of accounts, by user, of which the `known` ones have a row already.

    Last in its transaction: other uploads of the account wait for it from here on, and not before. So another process
    may have used up the quota since it was looked at: raises ChangedMeanwhileError then, and the database's
    IntegrityError where another process made the row.
    """
    known = frozenset(known)
    new = [AccountUsage(user_id=user_id, stored_bytes=grown[user_id].size) for user_id in sorted(grown.keys() - known)]
    if new:
        AccountUsage.objects.bulk_create(new)
    with connection.cursor() as cursor:
        for user_id in sorted(grown.keys() & known):
            growth = grown[user_id]
            cursor.execute(_ADD_TO_ACCOUNT, [growth.size, user_id, growth.quota, growth.size, growth.quota])
            if cursor.rowcount != 1:
                raise ChangedMeanwhileError


def take_off(files: Iterable[File]) -> None:
    """Subtract files, with their releases, from what their projects and uploaders store: for those that go."""
    projects: dict[int, Growth] = {}
    accounts: dict[int, Growth] = {}
    for file in files:
        holders = [projects.setdefault(file.release.project_id, Growth())]
        if file.uploaded_by_id is not None:
            holders.append(accounts.setdefault(file.uploaded_by_id, Growth()))
        for growth in holders:
            growth.size, growth.files = growth.size + file.size, growth.files + 1
    for project_id, growth in sorted(projects.items()):
        Project.every.filter(pk=project_id).update(
            stored_bytes=Greatest(F("stored_bytes") - growth.size, 0),
            stored_files=Greatest(F("stored_files") - growth.files, 0),
        )
    for user_id, growth in sorted(accounts.items()):
        AccountUsage.objects.filter(user=user_id).update(stored_bytes=Greatest(F("stored_bytes") - growth.size, 0))


def recount(project: Project) -> None:
    """Count a project's files anew, after some came otherwise than by an upload."""
    sums = File.objects.filter(release__project=project).aggregate(size=Sum("size"), files=Count("id"))
    Project.every.filter(pk=project.pk).update(stored_bytes=sums["size"] or 0, stored_files=sums["files"])
