"""Replacing a healthy online key while the index serves: sign with both keys, name the new one, drop the old one.

Where this stands is what the documents say, and one row that two keys sign (ADR 25). Each verb may be run again after
whatever has stopped it.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from indexsite_client.protocol import RECENTLY_CLAIMED, SNAPSHOT, TIMESTAMP, Json
from tufsigning import keys, records
from tufsigning.core.documents import read_signed
from tufsigning.core.offline import OfflineDocuments, online_key_sets, online_keys
from tufsigning.core.publication import Current, Plan, is_bin, plan_as_it_is
from tufsigning.core.rotation import OBJECTION, Rotation, has_others, is_signed_by, next_slice
from tufsigning.errors import NextKeyMissingError, PublisherBusyError, RotationHinderedError, StillTrustedError
from tufsigning.importing import check_import, import_documents
from tufsigning.library import Library
from tufsigning.publisher import Publisher

SLICE = 512  # bins of a publication: uploads wait no longer than for that
HEARD = timedelta(seconds=3)  # within which every worker has said that it lacks the new key, where it does
_TRIES, _PAUSE = 60, 0.5
Clock = Callable[[], datetime]
IsDone = Callable[[bytes], bool]
log = logging.getLogger(__name__)


def replaces_online_key(new: OfflineDocuments, *, current: Current) -> bool:
    """Whether none of the keys that sign online today is named in these documents for an online role."""
    return not _named(*_after(new, current)) & _named(read_signed(current.roots[-1]), current.upper)


def begin(new: OfflineDocuments, *, current: Current, now: datetime) -> Rotation:
    """From now on have everything online signed with both keys; the documents are checked already.

    Raises OnlineKeyError where we lack one of the two, and then changes nothing.
    """
    named = online_keys(*_after(new, current))
    needed = online_key_sets(read_signed(current.roots[-1]), current.upper)
    signers = keys.load_online_signers(needed, beside=named)
    held = {each.public_key.keyid: each.public_key for each in signers}
    following = [key for key in named if key.keyid in held]
    if not following:
        raise NextKeyMissingError(", ".join(key.keyid[:8] for key in named))
    old = next(key for keys_of_role in needed for key in keys_of_role if key.keyid in held)
    return records.begin_rotation(old, following[0], now=now)


def replace_at_once(new: OfflineDocuments, *, current: Current, clock: Clock, wait: Callable[[float], None]) -> None:
    """For a key that is lost, or that somebody else may have: one publication after which nothing trusts it.

    Everything online is signed anew, with the new key alone. Raises StillTrustedError where a document still names it.
    """
    if both := _named(*_after(new, current)) & _named(read_signed(current.roots[-1]), current.upper):
        raise StillTrustedError(min(both))
    check_import(new, current=current, begins_chain=False, now=clock())
    records.end_rotation()
    import_documents(new, begins_chain=False, clock=clock, wait=wait)


def object_if_unready(*, now: datetime) -> None:
    """A worker says so where it lacks the key that the next root will name."""
    rotation = records.rotation()
    if rotation is None or rotation.is_objected_to(now + HEARD) or rotation.new.keyid in _ready:
        return
    if keys.holds_key(rotation.new):
        _ready.add(rotation.new.keyid)
        return
    records.object_to_rotation(now=now)
    log.error("%s", RotationHinderedError(rotation.new.keyid))


_ready: set[str] = set()  # keys that this process has


@dataclass(slots=True)
class Replacement:
    """Signs anew, slice after slice and with waiting uploads in between, what does not bear the signatures it should.

    `say` is told how many documents are left.
    """

    clock: Clock
    wait: Callable[[float], None]
    say: Callable[[int], None] = lambda left: None
    slice_size: int = SLICE
    _library: Library = field(default_factory=Library)
    _publisher: Publisher = field(default_factory=lambda: Publisher(Library()))

    def sign_with_both(self, rotation: Rotation) -> int:
        """Until every online document bears the new key's signature; returns how many publications that took."""
        return self._sign(lambda content: is_signed_by(content, rotation.new), rotation.new.keyid)

    def name_new_key(self, new: OfflineDocuments, rotation: Rotation) -> None:
        """Publish the documents that name the new key only. Raises RotationHinderedError where a worker lacks it."""
        asked_at = self.clock()
        while self._is_unsettled(rotation):
            if self.clock() - asked_at > OBJECTION + HEARD:
                raise RotationHinderedError(rotation.new.keyid)
            self.wait(_PAUSE)
        import_documents(new, begins_chain=False, clock=self.clock, wait=self.wait)

    def _is_unsettled(self, rotation: Rotation) -> bool:
        """Whether a worker lacks the new key, or may not have had the time to say so."""
        now, known = self.clock(), records.rotation()
        return now - rotation.began_at < HEARD or (known is not None and known.is_objected_to(now))

    def drop_old(self) -> int:
        """Sign with the key alone that the documents name, until no online document bears another's signature."""
        records.end_rotation()
        current = self._library.current()
        named = _named(read_signed(current.roots[-1]), current.upper)
        return self._sign(lambda content: not has_others(content, named), min(named))

    def _sign(self, is_done: IsDone, key_id: str) -> int:
        done: set[tuple[str, int]] = set()
        undone: list[str] = []
        publications = tries = 0

        def plan(current: Current) -> Plan:
            undone[:] = left(self._library, current, is_done, done)
            if publications and TIMESTAMP in undone:
                raise RotationHinderedError(key_id)
            slice_ = next_slice(undone, size=self.slice_size)
            return plan_as_it_is(slice_, read_targets=partial(self._library.targets, current))

        while True:
            if not self._publisher.publish_plan(plan, self.clock, settle=lambda: None):
                tries += 1
                if tries > _TRIES:
                    raise PublisherBusyError
                self.wait(_PAUSE)
                continue
            if not undone:
                return publications
            publications, tries = publications + 1, 0
            self.say(max(len(undone) - self.slice_size, 0))
            self._publisher.publish_waiting(self.clock)


def left(library: Library, current: Current, is_done: IsDone, done: set[tuple[str, int]]) -> Iterator[str]:
    """The online roles whose document is not as it should be; those that are, by version, are noted in `done`."""
    for role, content in ((TIMESTAMP, current.timestamp), (SNAPSHOT, current.snapshot)):
        if not is_done(content):
            yield role
    for role in current.roles():
        if role == RECENTLY_CLAIMED or is_bin(role):
            version = role, int(current.entries[role]["version"])
            if version in done:
                continue
            if is_done(library.content(current, role)):
                done.add(version)
            else:
                yield role


def bears_both(rotation: Rotation) -> IsDone:
    """Whether a document bears the signature of the new key."""
    return lambda content: is_signed_by(content, rotation.new)


def _after(new: OfflineDocuments, current: Current) -> tuple[Json, Mapping[str, bytes]]:
    """The newest root and the roles below it, once these documents are in force."""
    roots = (current.roots[-1], *(each.content for each in new.roots))
    return read_signed(roots[-1]), {**current.upper, **{role: each.content for role, each in new.others.items()}}


def _named(root: Json, upper: Mapping[str, bytes]) -> set[str]:
    """The ids of all keys that sign an online role."""
    return {key.keyid for keys_of_role in online_key_sets(root, upper) for key in keys_of_role}
