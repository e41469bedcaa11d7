"""At start: what the newest published metadata has and the database lacks, as after a restored backup, comes back."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from indexsite_client.protocol import INDEX_PAGE, ROOT, SNAPSHOT, TIMESTAMP, UNCLAIMED, NormalizedName, page_target_path
from packages import outbox
from tufsigning import log, records
from tufsigning.core.documents import read_signed
from tufsigning.core.publication import Current
from tufsigning.library import Library
from tufsigning.models import RoleHead


def restore_from_published(library: Library, *, now: datetime) -> int:
    """Raise every role's highest version to at least the published one, and bring back files that are published.

    Returns how many roles and files came back; 0 is the normal start. Raises StoreDamagedError where a published
    document is missing.
    """
    if records.is_recovering():
        return 0  # what is published may be a thief's
    current = library.current()
    log.keep_entry(current)
    behind = roles_behind(current)
    if not behind:
        return 0
    files = sum(_restore_files(library, current, role, now=now) for role in behind if role in current.bins)
    files += _restore_deletions(library, current, behind, now=now)
    with transaction.atomic():
        records.raise_heads(behind)
    return len(behind) + files


def roles_behind(current: Current) -> dict[str, int]:
    """The published versions that the database does not know of: it is older than the store."""
    heads = dict(RoleHead.objects.values_list("role", "version"))
    published = _published_versions(current)
    return {role: version for role, version in published.items() if heads.get(role, 0) < version}


def _published_versions(current: Current) -> dict[str, int]:
    versions = {role: current.entries[role]["version"] for role in current.entries.roles()}
    tops = {ROOT: current.roots[-1], SNAPSHOT: current.snapshot, TIMESTAMP: current.timestamp}
    return versions | {role: read_signed(content)["version"] for role, content in tops.items()}


def _restore_deletions(library: Library, current: Current, behind: Collection[str], *, now: datetime) -> int:
    """Projects of which the rows know published files, while their bin has no page of them."""
    restored = 0
    for project in outbox.published_projects():
        path = page_target_path(project)
        role = current.bins.bin_of(path)
        if role in behind and path not in library.targets(current, role):
            restored += outbox.restore_deletion(project, now=now)
    return restored


def _restore_files(library: Library, current: Current, role: str, *, now: datetime) -> int:
    """Files of the projects whose page lies in this bin. Pages are restored whole, so one bin behind is enough."""
    restored = 0
    for path in library.targets(current, role):
        project, _, name = path.partition("/")
        page = library.page(current, NormalizedName(project)) if name == INDEX_PAGE else None
        if page is not None:
            restored += outbox.restore(page, voucher=UNCLAIMED, now=now)
    return restored
