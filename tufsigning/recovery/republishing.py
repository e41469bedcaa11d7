"""The one publication of a recovery: every page from the rows, every online role under the new keys."""

import hashlib
from collections.abc import Callable, Iterator
from datetime import datetime

from django.db import transaction

from indexsite_client.protocol import (
    RECENTLY_CLAIMED,
    UNCLAIMED,
    Json,
    NormalizedName,
    ProjectPage,
    file_target_path,
    page_bytes,
    page_target_path,
)
from packages import outbox
from storage.contract import blob_name, the_storage
from tufsigning import records
from tufsigning.core.bins import read_bins
from tufsigning.core.documents import target_entry
from tufsigning.core.offline import OfflineDocuments
from tufsigning.core.publication import Change, Current, Plan, plan_publication
from tufsigning.errors import PublisherBusyError
from tufsigning.library import Library
from tufsigning.models import Publication, Recovery
from tufsigning.publisher import Publisher
from tufsigning.recovery.cases import CASES
from tufsigning.recovery.ground import bring_versions_back, forget_later_publications, read_shown

_AT_ONCE = 500  # projects
_TRIES, _PAUSE = 60, 0.5  # seconds; longer than the lease of a publisher that was killed
Clock = Callable[[], datetime]


def is_published(new: OfflineDocuments) -> bool:
    """Whether clients see these documents already: an attempt was killed after its timestamp was written."""
    shown = read_shown().current
    return bool(new.roots) and shown is not None and shown.roots[-1] == new.roots[-1].content


def republish(
    recovery: Recovery, new: OfflineDocuments, ground: Current, *, clock: Clock, wait: Callable[[float], None]
) -> None:
    """Publish everything anew upon the ground, with these documents; the recovery is over with it.

    Raises PublisherBusyError, CandidateRefusedError or OnlineKeyError; it may be tried again.
    """
    begins_chain = CASES[recovery.case].begins_chain
    with transaction.atomic():
        records.record_signed(new.all(), now=clock(), offline=True)
        bring_versions_back(now=clock())
        records.end_rotation()  # of a key that is trusted nowhere now
        records.raise_heads({each.role: each.version for each in new.all()})

    def plan(current: Current) -> Plan:
        return _plan_everything(current, new, begins_chain=begins_chain)

    for _ in range(_TRIES):
        if Publisher(Library()).publish_plan(
            plan, clock, settle=lambda: settle(recovery, now=clock()), ground=lambda: ground
        ):
            return
        wait(_PAUSE)
    raise PublisherBusyError


def settle(recovery: Recovery, *, now: datetime) -> None:
    """Note that the recovery is published, and take changes again."""
    number = Publication.objects.order_by("id").values_list("number", flat=True).last() or 0
    with transaction.atomic():
        forget_later_publications(number)
        Recovery.objects.filter(pk=recovery.pk).update(published_at=now, publication=number, is_under_way=False)
        outbox.release_hold()


def _plan_everything(current: Current, new: OfflineDocuments, *, begins_chain: bool) -> Plan:
    bins = next((read_bins(each.content) for each in new.all() if each.role == UNCLAIMED), current.bins)
    plan = plan_publication(_changes(), bins=bins, read_targets=lambda role: {}, renew=bins.names())
    return Plan({RECENTLY_CLAIMED: {}, **plan.targets}, tuple(new.all()), begins_chain=begins_chain)


def _changes() -> Iterator[Change]:
    """The entries of every project, whose page is written on the way: pages lie under their hashes."""
    last = ""
    while names := outbox.names_after(last, limit=_AT_ONCE):
        last = names[-1]
        pages = {name: page for name, page in outbox.project_pages(names).items() if page is not None}
        contents = {name: page_bytes(page) for name, page in pages.items()}
        the_storage().write({blob_name(_sha256(content)): content for content in contents.values()})
        for name, page in pages.items():
            yield Change(_entries(name, page, contents[name]))


def _entries(name: NormalizedName, page: ProjectPage, content: bytes) -> dict[str, Json]:
    entries: dict[str, Json] = {
        file_target_path(name, file.filename): target_entry(sha256=file.sha256, length=file.size) for file in page.files
    }
    return entries | {page_target_path(name): target_entry(sha256=_sha256(content), length=len(content))}


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
