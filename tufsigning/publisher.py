"""The publisher: from the outbox to a new timestamp, one publication at a time, in an order that survives crashes.

Claim the versions; sign in memory; commit the rows; write and fsync the files; check the candidate as clients will;
replace timestamp.json, which is the moment of truth; settle the outbox. No transaction is open while anything is
rendered, signed or stored. A crash anywhere leaves either the old publication or the new one, and entries that the
next run settles.
"""

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from types import MappingProxyType

from django.db import transaction
from securesystemslib.signer import Signer
from structlog.contextvars import bind_contextvars

from indexsite_client.protocol import (
    EXTENSION,
    ROOT,
    UNCLAIMED,
    Json,
    NormalizedName,
    ProjectPage,
    ProtocolError,
    file_target_path,
    page_bytes,
    page_target_path,
    read_page,
)
from packages import outbox
from storage.contract import TIMESTAMP, ReplacedMeanwhileError, blob_name, document_name, the_storage
from tufsigning import key_uses, records
from tufsigning import log as public_log
from tufsigning.core.documents import Document, read_signed, target_entry
from tufsigning.core.offline import online_key_sets
from tufsigning.core.publication import (
    Candidate,
    Change,
    Current,
    Plan,
    Signing,
    advance,
    plan_as_it_is,
    plan_publication,
    sign_publication,
)
from tufsigning.core.verification import CandidateChecker
from tufsigning.due import due_roles, online_days
from tufsigning.errors import PublicationRaceError, StoreDamagedError, TrustError
from tufsigning.keys import load_online_signers
from tufsigning.library import Library

BATCH = 1000
PACE = 0.1  # seconds from the beginning of one publication to the next, at least
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _PreparedPage:
    """A page as it shall be signed: its bytes, none without a page, and how the project's target entries change."""

    project: NormalizedName
    filenames: tuple[str, ...]
    content: bytes
    change: Change


class Publisher:
    """Publishes what waits. One for a process; the lease keeps others waiting, the constraints keep order."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._checker = CandidateChecker()
        self._signers: tuple[Signer, ...] = ()
        self._signers_for: object = None  # the keys that were asked for when they were loaded
        self._next_at = 0.0  # on the monotonic clock
        self._one_at_a_time = threading.Lock()  # among the threads of this process

    def publish_waiting(self, clock: Callable[[], datetime]) -> int:
        """Publish until nothing waits; returns how many outbox entries were settled.

        Whoever finds another publisher at work leaves the rest to it: it looks again after it has let go.
        """
        settled = 0
        while outbox.has_waiting():
            with self._one_at_a_time, self._paced(), records.publishing_lease(now=clock()) as ours:
                progress = self._publish_batch(clock()) if ours else 0
            if not progress:
                break
            settled += progress
        return settled

    @contextmanager
    def _paced(self) -> Iterator[None]:
        """Under load, let uploads come together: a publication of twenty costs little more than one of one."""
        time.sleep(max(self._next_at - time.monotonic(), 0))
        self._next_at = time.monotonic() + PACE
        yield

    def renew(self, clock: Callable[[], datetime], *, renew_offline: Callable[[Current], Sequence[Document]]) -> int:
        """Sign anew a slice of the roles of which half the life is over, and of those that are late slice after slice.

        Uploads that wait go in between. Returns how many roles that were.
        """
        renewed = 0
        while True:
            with self._one_at_a_time, records.publishing_lease(now=clock()) as ours:
                count, is_last = self._renew_slice(clock(), renew_offline) if ours else (0, True)
            renewed += count
            if is_last:
                return renewed
            self.publish_waiting(clock)

    def _renew_slice(self, now: datetime, renew_offline: Callable[[Current], Sequence[Document]]) -> tuple[int, bool]:
        """How many roles were renewed, and whether the rest may wait."""
        current = self._library.current()
        due = due_roles(current, now=now)
        renewed = self._renew_offline(current, renew_offline, due.roles, now=now)
        if due.roles and not renewed:
            self._publish(current, self._renewal_plan(current, due.roles), now=now)
        return len(due.roles) + renewed, due.is_last

    def _renew_offline(
        self, current: Current, renew: Callable[[Current], Sequence[Document]], due: Sequence[str], *, now: datetime
    ) -> int:
        """Publish what the offline keys renewed, with what else is due. Their failure never stops the online roles."""
        try:
            documents = tuple(renew(current))
            if documents:
                self._publish(current, self._renewal_plan(current, due, documents), now=now)
        except TrustError as error:
            log.error("The offline roles cannot be renewed: %s", error)
            return 0
        return len(documents)

    def _renewal_plan(self, current: Current, due: Sequence[str], offline: tuple[Document, ...] = ()) -> Plan:
        return plan_as_it_is(due, read_targets=partial(self._library.targets, current), offline=offline)

    def publish_plan(
        self,
        plan_on: Callable[[Current], Plan],
        clock: Callable[[], datetime],
        *,
        settle: Callable[[], None],
        ground: Callable[[], Current] | None = None,
    ) -> bool:
        """Publish and settle what `plan_on` makes of the current publication; False while another publisher works.

        A recovery names its own `ground`, for what is published may be a thief's.
        """
        with self._one_at_a_time, records.publishing_lease(now=clock(), recovering=bool(ground)) as ours:
            if not ours:
                return False
            now, current = clock(), ground() if ground else self._library.current()
            plan = plan_on(current)
            if plan.is_empty:
                public_log.keep_entry(current)
                settle()
            else:
                self._publish(current, plan, now=now, settle=settle)
            return True

    def publish_first(self, start: Current, plan: Plan, *, now: datetime) -> None:
        """The first publication of an index: `start` has root and offline documents, and no timestamp yet."""
        self._publish(start, plan, now=now)

    def _publish_batch(self, now: datetime) -> int:
        current = self._library.current()
        changes = outbox.waiting(limit=BATCH)
        pages = outbox.project_pages({change.project for change in changes})
        prepared = [each for each in (self._prepare_or_leave(current, *item) for item in pages.items()) if each]
        plan = plan_publication(
            [page.change for page in prepared],
            bins=current.bins,
            read_targets=lambda role: self._library.targets(current, role),
        )
        ready = {page.project for page in prepared}
        done = [change for change in changes if change.project in ready]
        vouchers = {filename: UNCLAIMED for each in prepared for filename in each.filenames}

        def settle() -> None:
            outbox.settle(done, vouchers=vouchers, now=now)

        if plan.is_empty:
            public_log.keep_entry(current)
            settle()
        else:
            blobs = {blob_name(_sha256(page.content)): page.content for page in prepared if page.content}
            self._publish(current, plan, now=now, blobs=blobs, settle=settle)
        return len(done)

    def _prepare_or_leave(
        self, current: Current, project: NormalizedName, page: ProjectPage | None
    ) -> _PreparedPage | None:
        """A project that cannot be published must not hold up the others: it waits on, and the log says why."""
        try:
            return self._prepare(current, page) if page else self._prepare_removal(current, project)
        except (ProtocolError, TrustError) as error:
            log.error("The project %s is not published: %s", project, error)
            return None

    def _prepare_removal(self, current: Current, project: NormalizedName) -> _PreparedPage:
        """Nothing of the project is a target any more."""
        gone = {file_target_path(project, filename) for filename in self._library.page_files(current, project)}
        return _PreparedPage(project, (), b"", Change({}, frozenset({*gone, page_target_path(project)})))

    def _prepare(self, current: Current, page: ProjectPage) -> _PreparedPage:
        """The project's entries as they shall be; raises StoreDamagedError where bytes of a file are missing."""
        content = page_bytes(page)
        read_page(content)  # what clients could not read must not be signed
        known = self._library.page_files(current, page.project)
        for file in page.files:
            if known.get(file.filename) != file.sha256 and not the_storage().exists(blob_name(file.sha256)):
                raise StoreDamagedError(file.filename, "has no bytes in the store")
        entries: dict[str, Json] = {
            file_target_path(page.project, file.filename): target_entry(sha256=file.sha256, length=file.size)
            for file in page.files
        }
        entries[page_target_path(page.project)] = target_entry(sha256=_sha256(content), length=len(content))
        gone = {file_target_path(page.project, filename) for filename in known} - entries.keys()
        filenames = tuple(file.filename for file in page.files)
        return _PreparedPage(page.project, filenames, content, Change(MappingProxyType(entries), frozenset(gone)))

    def _publish(
        self,
        current: Current,
        plan: Plan,
        *,
        now: datetime,
        blobs: Mapping[str, bytes] = MappingProxyType({}),
        settle: Callable[[], None] | None = None,
    ) -> None:
        """Sign the plan and make it visible, in the order of DESIGN section 5; `settle` what it was for."""
        began = time.monotonic()
        new_roots = [each for each in plan.offline if each.role == ROOT]
        roots = (*(() if plan.begins_chain else current.roots), *(each.content for each in new_roots))
        upper = {**current.upper, **{each.role: each.content for each in plan.offline if each.role != ROOT}}
        signers = self._online_signers(roots[-1], upper)
        with transaction.atomic():
            versions = records.claim_versions(plan.online_roles(), now=now)
            before = outbox.JournalHead(**current.journal) if current.journal else None
            head = outbox.seal_journal(published=before, now=now)
            public_log.keep_entry(current)  # which a crash may have left out
        logged = public_log.entry_before(current)
        index_id = read_signed(roots[-1])[EXTENSION]["index"]
        signing = Signing(signers, now, versions, index_id, asdict(head), online_days(), logged)
        below_root = replace(plan, offline=tuple(each for each in plan.offline if each.role != ROOT))
        read = partial(self._library.content, current)
        candidate = sign_publication(below_root, entries=current.entries, signing=signing, read_document=read)
        bind_contextvars(publication=candidate.number)  # for each line until the message is done
        key_ids = [each.public_key.keyid for each in signers]
        key_uses.record_publication(candidate, below_root.offline, key_ids, index_id=index_id, now=now)
        contents = {**blobs, **_files(candidate.documents)}
        the_storage().write(contents)
        after = advance(current, candidate, roots)
        returning = current if current.timestamp and not plan.begins_chain else None
        self._checker.check(candidate, current=after, previous=returning, now=now)
        self._make_visible(candidate, current, new_roots=new_roots)
        with transaction.atomic():
            records.record_visible(candidate, now=now + timedelta(seconds=time.monotonic() - began))
            public_log.keep_entry(after)
            if settle is not None:
                settle()
        self._library.remember(after, contents)
        log.info("Publication %s is visible: %s documents.", candidate.number, len(candidate.documents) + 1)

    def _make_visible(self, candidate: Candidate, current: Current, *, new_roots: Iterable[Document]) -> None:
        the_storage().write(_files(new_roots))
        try:
            the_storage().replace(TIMESTAMP, candidate.timestamp.content, expected=current.timestamp or None)
        except ReplacedMeanwhileError as error:
            raise PublicationRaceError from error

    def _online_signers(self, root: bytes, upper: Mapping[str, bytes]) -> tuple[Signer, ...]:
        """The signers that every online document gets: one for each role at least, of the keys that documents name.

        While a key is replaced, those of both keys.
        """
        rotation = records.rotation()
        wanted = online_key_sets(read_signed(root), upper), rotation.keys if rotation else ()
        if self._signers_for != wanted:
            self._signers = load_online_signers(wanted[0], beside=wanted[1])
            self._signers_for = wanted
        return self._signers


def _files(documents: Iterable[Document]) -> dict[str, bytes]:
    return {document_name(each.role, each.version): each.content for each in documents}


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
