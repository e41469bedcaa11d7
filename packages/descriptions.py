"""Describing releases after their publication: what waits, who takes it, what is kept of it.

`Release.describe_at` is the message: set when the release is made, moved on while somebody is at work, empty when it
is settled. A crash leaves it in the past before long, and whoever looks next takes it up.
"""

import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet

from indexsite_client.protocol import parse_distribution_filename
from packages import changes
from packages.archives.bounded import MAX_METADATA
from packages.distributions import read_distribution
from packages.errors import UploadRefusedError
from packages.models import File, Release, ReleaseDescription
from packages.renderer import Described, Renderer
from storage.contract import StorageUnavailableError, blob_name, read_bytes, the_storage

TRIES = 3  # then it is settled as it is: what kills a worker must not do so for ever
LEASE = timedelta(minutes=5)
_AT_ONCE = 8
_LATER = timedelta(minutes=1)
_FIELDS = ("metadata", "text", "html", "fault", "described_at")
log = logging.getLogger(__name__)


def has_waiting(*, now: datetime) -> bool:
    """Whether a published release is to be described. One look into an index of those alone."""
    return _due(now).exists()


def describe_waiting(clock: Callable[[], datetime], *, seconds: float = 5.0) -> int:
    """Describe published releases, some at a time, for about as long; returns how many. May run at once with itself."""
    until, count = time.monotonic() + seconds, 0
    with Renderer() as renderer:
        while time.monotonic() < until and (releases := _take(now=clock())):
            try:
                described = _describe(releases, renderer, until=until)
            except StorageUnavailableError as error:
                log.error("Releases cannot be described now; it is tried again in a minute: %s", error)
                _give_back(releases, due=clock() + _LATER)
                break
            _settle(described, now=clock())
            _give_back([release for release in releases if release.pk not in described], due=clock())
            count += len(described)
    return count


def _due(now: datetime) -> QuerySet[Release]:
    published = File.objects.filter(release=OuterRef("pk"), state=File.State.PUBLISHED)
    return Release.objects.filter(Exists(published), describe_at__lte=now)


def _take(*, now: datetime) -> list[Release]:
    """The longest waiting, ours for a while. Of two who take at once, one gets none."""
    ids = list(_due(now).order_by("describe_at", "pk").values_list("pk", flat=True)[:_AT_ONCE])
    if not ids:
        return []
    free = Release.objects.filter(pk__in=ids, describe_at__lte=now)
    free.update(describe_at=now + LEASE, describe_tries=F("describe_tries") + 1)
    return list(Release.objects.filter(pk__in=ids, describe_at=now + LEASE))


def _describe(releases: Sequence[Release], renderer: Renderer, *, until: float) -> dict[int, Described]:
    """What each says of itself, by its first published file; at least the first, and no more once time is up."""
    files: dict[int, File] = {}
    for file in File.objects.filter(release__in=releases, state=File.State.PUBLISHED).order_by("pk"):
        files.setdefault(file.release_id, file)
    described: dict[int, Described] = {}
    for release in releases:
        if described and time.monotonic() > until:
            break
        if release.describe_tries > TRIES:
            described[release.pk] = Described(fault=f"Describing it was begun {TRIES} times and never finished.")
        elif release.pk in files:
            described[release.pk] = _describe_file(files[release.pk], renderer)
    return described


def _describe_file(file: File, renderer: Renderer) -> Described:
    try:
        content = _read_metadata(file)
    except UploadRefusedError as error:
        return Described(fault=str(error))
    if content is None:
        return Described(fault="The metadata of its first file is missing in the store.")
    described = renderer.describe(content)
    if described.fault:
        log.warning("%s: %s", file.filename, described.fault)
    return described


def _read_metadata(file: File) -> bytes | None:
    """From its blob, else out of the distribution itself; raises UploadRefusedError where nobody would take it now."""
    if file.metadata_sha256:
        return read_bytes(blob_name(file.metadata_sha256), limit=MAX_METADATA)
    try:
        with the_storage().open(blob_name(file.sha256)) as archive:
            return read_distribution(parse_distribution_filename(file.filename), archive).metadata.content
    except FileNotFoundError:
        return None


def _settle(described: dict[int, Described], *, now: datetime) -> None:
    """Keep what was found. A release that was deleted meanwhile is let go."""
    with transaction.atomic():
        there = Release.objects.filter(pk__in=described).select_for_update().values_list("pk", flat=True)
        rows = [_row(release_id, described[release_id], now) for release_id in sorted(there)]
        ReleaseDescription.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["release"], update_fields=_FIELDS
        )
        Release.objects.filter(pk__in=described).update(describe_at=None, describe_tries=0)
        changes.note(Release.objects.filter(pk__in=described).values_list("project_id", flat=True))


def _row(release_id: int, found: Described, now: datetime) -> ReleaseDescription:
    return ReleaseDescription(
        release_id=release_id,
        metadata=found.metadata,
        text=found.text,
        html=found.html,
        fault=found.fault[:200],
        described_at=now,
    )


def _give_back(releases: Sequence[Release], *, due: datetime) -> None:
    """What was not begun, or through no fault of its own to no end."""
    if releases:
        Release.objects.filter(pk__in=[release.pk for release in releases]).update(
            describe_at=due, describe_tries=F("describe_tries") - 1
        )
