"""Taking over what offline keys signed elsewhere: the first documents of a real ceremony, and later versions.

Everything is checked before anything changes; then one transaction keeps the documents and the wish to publish them.
The wish is fulfilled at once, or after a crash by the next publisher: every role that depends on the documents is
signed anew and becomes visible with them in one publication (ADR 21).
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime

from django.db import IntegrityError, transaction
from tuf.api.metadata import Targets as TufTargets

from indexsite_client.protocol import RECENTLY_CLAIMED, ROOT, SNAPSHOT, TARGETS, TIMESTAMP, UNCLAIMED, Json
from tufsigning import records
from tufsigning.core.bins import Rebinning, read_bins
from tufsigning.core.documents import Document, read_signed
from tufsigning.core.offline import Ground, OfflineDocuments, bin_keys, check_documents, online_key_sets, recently_keys
from tufsigning.core.publication import Current, Plan, Targets, TargetsWhenSigned
from tufsigning.core.rotation import is_signed_for, read_root, read_targets_role
from tufsigning.core.verification import CandidateRefusedError
from tufsigning.errors import (
    ImportWaitsError,
    NotEstablishedError,
    PublisherBusyError,
    RecoveringError,
    StoreMissingError,
)
from tufsigning.keys import load_online_signers
from tufsigning.library import Library
from tufsigning.models import Document as DocumentRow
from tufsigning.models import OfflineImport, Publication, RoleHead
from tufsigning.publisher import Publisher

_TRIES, _PAUSE = 60, 0.5  # seconds; longer than the lease of a publisher that was killed
Clock = Callable[[], datetime]
log = logging.getLogger(__name__)


def check_import(new: OfflineDocuments, *, current: Current | None, begins_chain: bool, now: datetime) -> None:
    """Raise TrustError unless clients would follow to these documents and we hold the online key that they name."""
    ground = Ground.of(current) if current else Ground()
    check_documents(new, ground=ground, begins_chain=begins_chain, now=now)
    roots = (*ground.roots, *(each.content for each in new.roots))
    upper = {**ground.upper, **{role: document.content for role, document in new.others.items()}}
    load_online_signers(online_key_sets(read_signed(roots[-1]), upper))


def split_known(new: OfflineDocuments, *, current: Current) -> tuple[OfflineDocuments, tuple[Document, ...]]:
    """What is not in force yet, and what is, byte for byte: signing or sending it again is no fault."""
    roots = tuple(each for each in new.roots if not _is_in_force(each, current))
    others = {role: each for role, each in new.others.items() if not _is_in_force(each, current)}
    rest = OfflineDocuments(roots, others)
    return rest, tuple(each for each in new.all() if each not in rest.all())


def take_documents(new: OfflineDocuments, *, begins_chain: bool, now: datetime) -> None:
    """Keep checked documents and the wish to publish them, in one transaction; `finish_import` fulfils it.

    Again with the same documents it changes nothing; raises ImportWaitsError where others wait.
    """
    named = [[each.role, each.version] for each in new.all()]
    try:
        with transaction.atomic():
            waiting = OfflineImport.objects.filter(is_waiting=True).first()
            if waiting and (waiting.documents != named or _kept(waiting) != list(new.all())):
                raise ImportWaitsError
            if waiting:
                return
            records.record_signed(new.all(), now=now, offline=True)
            _raise_heads(new)
            OfflineImport.objects.create(taken_at=now, begins_chain=begins_chain, documents=named)
    except IntegrityError as error:
        raise ImportWaitsError from error


def import_documents(new: OfflineDocuments, *, begins_chain: bool, clock: Clock, wait: Callable[[float], None]) -> None:
    """Take checked documents and publish them; raises PublisherBusyError where others publish all the while.

    They are kept then, and the worker publishes them.
    """
    if records.is_recovering():
        raise RecoveringError
    take_documents(new, begins_chain=begins_chain, now=clock())
    finish_waiting(clock=clock, wait=wait)


def finish_waiting(*, clock: Clock, wait: Callable[[float], None]) -> None:
    """Publish what was taken before, if anything was; raises PublisherBusyError.

    The lease of a publisher that was killed lasts for some seconds.
    """
    for _ in range(_TRIES):
        if not import_waits() or finish_import(Publisher(Library()), clock):
            return
        wait(_PAUSE)
    raise PublisherBusyError


def import_waits() -> bool:
    """Whether documents were taken that are not visible yet. Reads only."""
    return OfflineImport.objects.filter(is_waiting=True).exists()


def finish_import(publisher: Publisher, clock: Clock) -> bool:
    """Publish what was taken and is not visible yet; False where nothing waits, or another publisher is at work.

    What a client would refuse after all is given up, with the reason in its row, and raises CandidateRefusedError.
    """
    waiting = OfflineImport.objects.filter(is_waiting=True).first()
    if waiting is None:
        return False
    library, documents = Library(), tuple(_kept(waiting))

    def settle() -> None:
        OfflineImport.objects.filter(pk=waiting.pk).update(is_waiting=False, settled_at=clock())

    def plan_before_root(current: Current) -> Plan:
        is_rotating = records.rotation() is not None
        early = not waiting.begins_chain and may_precede_root(documents, current=current, is_rotating=is_rotating)
        return plan(current, tuple(each for each in documents if each.role != ROOT)) if early else Plan({})

    def plan(current: Current, part: tuple[Document, ...] = documents) -> Plan:
        return plan_import(
            part,
            current=current,
            begins_chain=waiting.begins_chain,
            read_targets=lambda role: library.targets(current, role),
            is_signed=lambda role, by: is_signed_for(role, library.content(current, role), by),
        )

    try:
        library.current()
    except NotEstablishedError:
        _publish_first(publisher, documents, now=clock())
        settle()
        return True
    try:
        return publisher.publish_plan(plan_before_root, clock, settle=lambda: None) and publisher.publish_plan(
            plan, clock, settle=settle
        )
    except CandidateRefusedError as error:
        OfflineImport.objects.filter(pk=waiting.pk).update(is_waiting=False, fault=str(error))
        raise


def may_precede_root(documents: tuple[Document, ...], *, current: Current, is_rotating: bool) -> bool:
    """Whether a new targets must and can be published before the new root that replaces its keys.

    Clients that have the one root or the other take it, where the holders signed it with the old keys too. Otherwise
    both come together, and between the two clients refuse.
    """
    roots = [each.content for each in documents if each.role == ROOT and each.version > current.root_version]
    targets = next((each for each in documents if each.role == TARGETS), None)
    if not roots or targets is None or targets.version <= _version_in_force(current, TARGETS):
        return False
    before, after = (read_signed(each)["roles"] for each in (current.roots[-1], roots[-1]))
    is_same = before[TIMESTAMP] == after[TIMESTAMP] and before[SNAPSHOT] == after[SNAPSHOT]
    if before[TARGETS] == after[TARGETS] or not (is_same or is_rotating):
        return False
    return is_signed_for(TARGETS, targets.content, read_root(current.roots[-1]))


def plan_import(
    documents: tuple[Document, ...],
    *,
    current: Current,
    begins_chain: bool,
    read_targets: Callable[[str], Targets],
    is_signed: Callable[[str, TufTargets], bool],
) -> Plan:
    """The documents that are not in force yet, and every online role that is not signed with the keys that they name.

    All where a chain begins. With another number of bins, every new bin has the targets of those before. Snapshot and
    timestamp are signed with each publication anyway.
    """
    new = tuple(each for each in documents if each.version > _version_in_force(current, each.role))
    upper = {**current.upper, **{each.role: each.content for each in new if each.role != ROOT}}
    starts = begins_chain and any(each.role == ROOT for each in new)
    before, after = current.bins, read_bins(upper[UNCLAIMED])
    anew: list[str] = []
    carried: tuple[str, ...] = ()
    if starts or recently_keys(upper[TARGETS]) != recently_keys(current.upper[TARGETS]):
        by = read_targets_role(upper[TARGETS])
        anew += [role for role in (RECENTLY_CLAIMED,) if starts or not is_signed(role, by)]
    is_resized = after.count != before.count
    if starts or is_resized or bin_keys(upper[UNCLAIMED]) != bin_keys(current.upper[UNCLAIMED]):
        by = read_targets_role(upper[UNCLAIMED])
        unsigned = [role for role in after.names() if starts or is_resized or not is_signed(role, by)]
        carried, anew = ((), [*anew, *unsigned]) if is_resized else (tuple(unsigned), anew)
    read = Rebinning(before, after, read_targets).targets
    return Plan(TargetsWhenSigned(anew, read), new, begins_chain=starts, carried=carried)


def _publish_first(publisher: Publisher, documents: tuple[Document, ...], *, now: datetime) -> None:
    """The first publication, of an index that is new."""
    known = Publication.objects.exclude(visible_at=None).order_by("number").last()
    if known is not None:
        raise StoreMissingError(known.number)
    upper = {each.role: each.content for each in documents if each.role != ROOT}
    start = Current((), b"", b"", upper)
    online: Mapping[str, Json] = {role: {} for role in (RECENTLY_CLAIMED, *start.bins.names())}
    publisher.publish_first(start, Plan(online, documents, begins_chain=True), now=now)


def _is_in_force(document: Document, current: Current) -> bool:
    return document.content in (current.roots if document.role == ROOT else (current.upper.get(document.role),))


def _version_in_force(current: Current, role: str) -> int:
    return current.root_version if role == ROOT else int(current.entries[role]["version"])


def _kept(waiting: OfflineImport) -> list[Document]:
    """The documents of an import, as they were taken."""
    rows = [DocumentRow.objects.get(role=role, version=version) for role, version in waiting.documents]
    return [Document(row.role, row.version, bytes(row.content or b"")) for row in rows]


def _raise_heads(new: OfflineDocuments) -> None:
    """The highest version of each role, which one that was given up may have raised already."""
    highest = {each.role: each.version for each in new.all()}
    known = dict(RoleHead.objects.filter(role__in=highest).values_list("role", "version"))
    records.raise_heads({role: max(version, known.get(role, 0)) for role, version in highest.items()})
