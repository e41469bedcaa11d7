"""What the publication of a recovery stands upon: the last good state, under the timestamp that it replaces.

Versions go back: a thief's may lie near 2**53. Timestamp and snapshot keys are new, so that no client compares its
versions with ours; and no name of a document is given twice, by us or by the thief, for caches keep them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from tuf.api.metadata import Metadata, Root, Targets

from indexsite_client.protocol import CLAIMED, ROOT, SNAPSHOT, TARGETS, UNCLAIMED, Json
from indexsite_client.protocol import TIMESTAMP as TIMESTAMP_ROLE
from storage.contract import METADATA, TIMESTAMP, document_name, read_bytes, the_storage
from tufsigning import log, records
from tufsigning.core.auditing import judge
from tufsigning.core.chains import follows
from tufsigning.core.documents import read_signed
from tufsigning.core.log import entry_of
from tufsigning.core.offline import DELEGATORS, Ground, OfflineDocuments, bin_keys, check_documents, recently_keys
from tufsigning.core.publication import Current
from tufsigning.errors import TrustError
from tufsigning.library import MAX_DOCUMENT, MAX_TIMESTAMP, Library
from tufsigning.models import Document, Publication
from tufsigning.recovery.cases import Case
from tufsigning.recovery.errors import NameTakenError, StolenKeyNamedError

_HORIZON = timedelta(days=365)  # versions are the seconds of the time at least; nobody publishes a year ahead of it
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)  # nothing had expired


@dataclass(frozen=True, slots=True)
class Shown:
    """The publication that clients are shown, as far as it can be read."""

    timestamp: bytes
    current: Current | None


def read_shown() -> Shown:
    """What is published now, whoever signed it."""
    timestamp = read_bytes(TIMESTAMP, limit=MAX_TIMESTAMP) or b""
    try:
        return Shown(timestamp, Library().current())
    except (TrustError, KeyError, TypeError, ValueError, AttributeError):
        return Shown(timestamp, None)


def ground_of(case: Case, good: Current, shown: Shown, *, before_root: int) -> Current:
    """The state that the new documents follow upon. Offline documents since the copy count where their keys are safe.

    Roots from version `before_root` on are those that the recovery brings itself.
    """
    roots = good.roots
    while ROOT not in case.stolen and (version := int(read_signed(roots[-1])["version"]) + 1) < before_root:
        following = read_bytes(document_name(ROOT, version), limit=MAX_DOCUMENT)
        if following is None or not follows(roots[-1], following):
            break
        roots = (*roots, following)
    upper = dict(good.upper)
    delegators: dict[str, Root | Targets] = {ROOT: Metadata[Root].from_bytes(roots[-1]).signed}
    for role, delegator in DELEGATORS.items():
        if shown.current is not None and role not in case.stolen:
            theirs, above = shown.current.upper[role], delegators[delegator]
            upper[role] = _newer(role, upper[role], theirs, delegator=above, index_id=good.index_id)
        delegators[role] = Metadata[Targets].from_bytes(upper[role]).signed
    place = _place(shown)
    journal = shown.current.journal if shown.current and place else good.journal  # an entry of the log is of both
    return replace(good, roots=roots, upper=upper, timestamp=shown.timestamp, log=place, journal=journal)


def check_new(new: OfflineDocuments, *, case: Case, ground: Current, now: datetime) -> None:
    """Raise DocumentRefusedError, StolenKeyNamedError or NameTakenError unless clients follow to these documents."""
    base = Ground.of(ground)
    if case.begins_chain:
        base = replace(base, is_given_up=True)
    check_documents(new, ground=base, begins_chain=case.begins_chain, now=now)
    root = read_signed(new.roots[-1].content if new.roots else ground.roots[-1])
    stolen = _online_ids(read_signed(ground.roots[-1]), ground.upper)
    for role in case.stolen - {ROOT}:
        stolen |= _role_ids(role, read_signed(ground.roots[-1]), ground.upper)
    if case.begins_chain:
        stolen |= set(read_signed(ground.roots[-1])["roles"][ROOT]["keyids"])
    upper = {**ground.upper, **{role: each.content for role, each in new.others.items()}}
    named = {ROOT: set(root["keys"]), **{role: _keys_of(upper[role]) for role in (TARGETS, CLAIMED, UNCLAIMED)}}
    for role, ids in named.items():
        if both := sorted(ids & stolen):
            raise StolenKeyNamedError(
                f"The {role} document still trusts the key {both[0][:8]}, which is in other hands: replace it in the"
                " ceremony ('indexsite ceremony key --replace'), draft again, and let the holders sign."
            )
    for document in new.all():
        there = read_bytes(document_name(document.role, document.version), limit=MAX_DOCUMENT)
        if there is not None and there != document.content:
            raise NameTakenError(
                f"The store has another {document.version}.{document.role}.json, which caches may hold: put it into the"
                " metadata folder of the ceremony's copy, draft the version after it, and sign that one."
            )


def bring_versions_back(*, now: datetime) -> None:
    """Let each role's next version follow the highest that is not far ahead of the time; above every name in the store.

    Inside the caller's transaction.
    """
    horizon = int((now + _HORIZON).timestamp())
    highest: dict[str, int] = {}

    def note(role: str, version: int) -> None:
        if version <= horizon:
            highest[role] = max(version, highest.get(role, 0))

    for role, version in Document.objects.values_list("role", "version").iterator():
        note(role, version)
    for number in Publication.objects.values_list("number", flat=True).iterator():
        note(SNAPSHOT, number)
    for file in the_storage().stored(METADATA):
        version_text, _, role = file.name.rpartition("/")[2].removesuffix(".json").partition(".")
        if version_text.isascii() and version_text.isdigit() and len(version_text) < 19:
            note(role, int(version_text))
    online = {role: version for role, version in highest.items() if role not in (ROOT, *DELEGATORS)}
    records.raise_heads(online)


def forget_later_publications(number: int) -> None:
    """What a thief made visible is no publication before ours; inside the caller's transaction."""
    Publication.objects.filter(number__gt=number).update(visible_at=None)


def _newer(role: str, ours: bytes, theirs: bytes, *, delegator: Root | Targets, index_id: str) -> bytes:
    """The document that clients are shown, where it is newer and our keys signed it."""
    try:
        version = int(read_signed(theirs)["version"])
    except (ValueError, KeyError, TypeError):
        return ours
    entry = {"version": version, "length": len(theirs)}
    found, signed = judge(role, theirs, entry=entry, delegator=delegator, now=_LONG_AGO, index_id=index_id)
    is_newer = version > read_signed(ours)["version"]
    return theirs if signed is not None and not found and is_newer else ours


def _online_ids(root: Json, upper: Mapping[str, bytes]) -> set[str]:
    """Every key that signs for an online role."""
    named = [root["roles"][TIMESTAMP_ROLE], root["roles"][SNAPSHOT]]
    return {
        keyid
        for each in (*named, recently_keys(upper[TARGETS]), bin_keys(upper[UNCLAIMED]))
        for keyid in each["keyids"]
    }


def _role_ids(role: str, root: Json, upper: Mapping[str, bytes]) -> set[str]:
    """The keys of targets, or of a role that it delegates to."""
    if role == TARGETS:
        return set(root["roles"][TARGETS]["keyids"])
    delegations = read_signed(upper[TARGETS])["delegations"]["roles"]
    return {keyid for each in delegations if each["name"] == role for keyid in each["keyids"]}


def _keys_of(document: bytes) -> set[str]:
    return set(read_signed(document)["delegations"]["keys"])


def _place(shown: Shown) -> Json | None:
    """The place of what is shown in the public log, where it goes on with the log that we have."""
    current = shown.current
    place = current.log if current else None
    if current is None or place is None:
        return None
    try:
        entry = entry_of(shown.timestamp, place=place, journal=current.journal)
        last = next(iter(log.last_entries(1)), None)
        assert entry is not None
        goes_on = last is None or entry.line == last.line
        follows_last = last is not None and (place["number"], place["previous"]) == (last.number + 1, last.sha256)
        return place if goes_on or follows_last else None
    except (KeyError, TypeError, ValueError):
        return None
