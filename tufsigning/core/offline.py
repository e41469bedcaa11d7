"""Documents that offline keys signed elsewhere: whether they may come into force here, decided as clients would.

Nothing here trusts the files: they are bounded in size, read by python-tuf, and refused by name. Pure.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from securesystemslib.signer import Key
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Targets
from tuf.api.serialization import DeserializationError

from indexsite_client.protocol import (
    CLAIMED,
    EXTENSION,
    RECENTLY_CLAIMED,
    ROOT,
    SNAPSHOT,
    TARGETS,
    TIMESTAMP,
    UNCLAIMED,
    HoldersError,
    Json,
    ShapeError,
    check_shape,
    delegated_roles,
    holders_named,
)
from tufsigning.core.bins import read_bins_entry
from tufsigning.core.documents import Document, read_signed
from tufsigning.core.publication import Current
from tufsigning.errors import DocumentRefusedError

MAX_LENGTH: Mapping[str, int] = MappingProxyType(
    {ROOT: 512_000, TARGETS: 5_000_000}
)  # by type, of python-tuf's clients
DELEGATORS: Mapping[str, str] = MappingProxyType({TARGETS: ROOT, CLAIMED: TARGETS, UNCLAIMED: TARGETS})
Signed = Root | Targets


@dataclass(frozen=True, slots=True)
class OfflineDocuments:
    """Roots by version, and one document for each other offline role, all of them read and of their right kind."""

    roots: tuple[Document, ...]
    others: Mapping[str, Document]

    def all(self) -> tuple[Document, ...]:
        """Roots first."""
        return (*self.roots, *self.others.values())


@dataclass(frozen=True, slots=True)
class Ground:
    """What the documents must follow upon: the roots in force, the offline roles below, and every role's name."""

    roots: tuple[bytes, ...] = ()
    upper: Mapping[str, bytes] = field(default_factory=dict)
    roles: frozenset[str] = frozenset({CLAIMED, RECENTLY_CLAIMED, UNCLAIMED})
    is_given_up: bool = False  # a threshold of root keys is in other hands: another chain may begin

    @property
    def is_development(self) -> bool:
        """Whether the server holds the offline keys itself."""
        return bool(self.roots) and read_signed(self.roots[-1])[EXTENSION].get("development") is True

    @classmethod
    def of(cls, current: Current) -> "Ground":
        """The index as it is."""
        return cls(current.roots, current.upper, frozenset(current.entries.roles()))


def read_documents(contents: Iterable[bytes]) -> OfflineDocuments:
    """What these files are, by what they say of themselves; raises DocumentRefusedError. Judges no signature."""
    roots: dict[int, Document] = {}
    others: dict[str, Document] = {}
    for content in contents:
        document = _read(content)
        if document.role in others or (document.role == ROOT and document.version in roots):
            raise DocumentRefusedError("role-twice", document.role, "is given twice; give its newest version only")
        if document.role == ROOT:
            roots[document.version] = document
        else:
            others[document.role] = document
    return OfflineDocuments(tuple(roots[version] for version in sorted(roots)), MappingProxyType(others))


def check_documents(new: OfflineDocuments, *, ground: Ground, begins_chain: bool, now: datetime) -> None:
    """Raise DocumentRefusedError unless clients would follow from the ground to these documents, wholly.

    With `begins_chain` the first root stands for itself, as for a client that pins it.
    """
    _check_kind(ground, begins_chain=begins_chain)
    root = _check_roots(new.roots, ground, begins_chain=begins_chain, now=now)
    upper = {**ground.upper, **{role: document.content for role, document in new.others.items()}}
    signed: dict[str, Signed] = {ROOT: root}
    for role, delegator in DELEGATORS.items():
        if role not in upper:
            raise DocumentRefusedError("role-missing", role, "is missing; the first documents are root and these three")
        signed[role] = _check_signed(role, upper[role], signed[delegator], is_new=role in new.others)
        _check_shape(role, signed[role], upper[role], index_id=root.unrecognized_fields[EXTENSION]["index"])
        if role in new.others:
            _check_newer(new.others[role], ground)
            _check_unexpired(role, signed[role], now)
    _check_delegates(upper, ground)
    _check_keys(read_signed(new.roots[-1].content if new.roots else ground.roots[-1]), upper, ground)


def _check_kind(ground: Ground, *, begins_chain: bool) -> None:
    if begins_chain and ground.roots and not (ground.is_development or ground.is_given_up):
        what = "would begin a new chain, which no client follows, but the index has a real root: use tuf_import"
        raise DocumentRefusedError("real-already", ROOT, what)
    if not begins_chain and ground.is_development:
        what = "cannot follow upon a development ceremony: use tuf_init with the folder of a real one"
        raise DocumentRefusedError("still-development", ROOT, what)


def _check_shape(role: str, signed: Signed, content: bytes, *, index_id: str) -> None:
    """Raise DocumentRefusedError unless the document is of this index and has its role's one shape."""
    if signed.unrecognized_fields[EXTENSION].get("index") != index_id:
        raise DocumentRefusedError("wrong-index", role, "belongs to another index")
    said = read_signed(content)
    try:
        if role == ROOT:
            holders_named(said)
        else:
            check_shape(role, said, index_id=index_id)
    except (ShapeError, HoldersError) as error:
        raise DocumentRefusedError("wrong-shape", role, f"has not the shape of its role: {error}") from error


def online_keys(root: Json, upper: Mapping[str, bytes]) -> tuple[Key, ...]:
    """The keys of which each alone signs for every online role: timestamp, snapshot, recently-claimed and the bins."""
    entries = _online_entries(root, upper)
    if any(entry["threshold"] != 1 for entry in entries):
        return ()
    common = set.intersection(*(set(entry["keyids"]) for entry in entries))
    ordered = [keyid for keyid in root["roles"][TIMESTAMP]["keyids"] if keyid in common]
    return tuple(Key.from_dict(keyid, dict(root["keys"][keyid])) for keyid in ordered)


def online_key_sets(root: Json, upper: Mapping[str, bytes]) -> tuple[tuple[Key, ...], ...]:
    """For each online role the keys of which any one signs for it; none where it asks for more than one."""
    named: Json = dict(root["keys"])
    for role in (TARGETS, UNCLAIMED):
        named |= read_signed(upper[role])["delegations"]["keys"]
    return tuple(
        tuple(Key.from_dict(keyid, dict(named[keyid])) for keyid in entry["keyids"]) if entry["threshold"] == 1 else ()
        for entry in _online_entries(root, upper)
    )


def bin_keys(unclaimed: bytes) -> Json:
    """With which keys, and how many of them, the bins are signed."""
    entry = read_bins_entry(unclaimed)
    return {"keyids": sorted(entry["keyids"]), "threshold": entry["threshold"]}


def recently_keys(targets: bytes) -> Json:
    """The same of recently-claimed."""
    [recently] = [each for each in read_signed(targets)["delegations"]["roles"] if each["name"] == RECENTLY_CLAIMED]
    return {"keyids": sorted(recently["keyids"]), "threshold": recently["threshold"]}


def _read(content: bytes) -> Document:
    """One document; its role is what it says of itself, and of the kind that this role has."""
    if len(content) > max(MAX_LENGTH.values()):
        raise DocumentRefusedError("too-large", "given", f"has {len(content)} bytes, which no client would read")
    try:
        signed = Metadata.from_bytes(content).signed
        said = signed.unrecognized_fields[EXTENSION]
        role, index_id = said["role"], said["index"]
    except (DeserializationError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise DocumentRefusedError(
            "malformed", "given", f"is no signed metadata: {error.__cause__ or error}"
        ) from error
    if not isinstance(role, str) or not isinstance(index_id, str):
        raise DocumentRefusedError("malformed", "given", "does not say whose it is")
    if role not in (ROOT, *DELEGATORS):
        raise DocumentRefusedError("not-offline", role[:80], "is no root, targets, claimed or unclaimed")
    kind: type[Signed] = Root if role == ROOT else Targets
    if not isinstance(signed, kind):
        raise DocumentRefusedError("malformed", role, f"is of the type {signed.type!r}")
    if len(content) > MAX_LENGTH[signed.type]:
        raise DocumentRefusedError("too-large", role, f"has {len(content)} bytes, which no client would read")
    return Document(role, signed.version, content)


def _check_roots(new: Sequence[Document], ground: Ground, *, begins_chain: bool, now: datetime) -> Root:
    """Version by version, each signed by the one before and by itself; returns the newest."""
    if not new and (begins_chain or not ground.roots):
        raise DocumentRefusedError("role-missing", ROOT, "is missing; a ceremony has root and three others")
    newest = _parsed(ground.roots[-1]) if ground.roots else None
    before = None if begins_chain else newest
    index_id = newest.unrecognized_fields[EXTENSION]["index"] if newest else None
    for document in new:
        expected = newest.version + 1 if newest else 1
        if document.version != expected:
            raise DocumentRefusedError("root-version", ROOT, f"has version {document.version}, but {expected} is next")
        root = _parsed(document.content)
        said = root.unrecognized_fields[EXTENSION]
        if said.get("development") is not False or root.consistent_snapshot is not True:
            raise DocumentRefusedError("development-root", ROOT, "does not say that it is a real one of an index")
        _check_shape(ROOT, root, document.content, index_id=index_id or said["index"])
        for signer in (before, root):
            if signer is not None:
                _check_signed(ROOT, document.content, signer, is_new=True)
        newest = before = root
        index_id = said["index"]
    assert newest is not None  # one is new, or in force
    if new:
        _check_unexpired(ROOT, newest, now)
    return newest


def _check_signed(role: str, content: bytes, delegator: Signed, *, is_new: bool) -> Signed:
    metadata = Metadata.from_bytes(content)
    try:
        delegator.verify_delegate(role, metadata.signed_bytes, metadata.signatures)
    except (RepositoryError, ValueError) as error:
        by = f"{delegator.unrecognized_fields[EXTENSION]['role']} {delegator.version}"
        advice = "let the missing holders sign" if is_new else "give a new one too, which the new keys signed"
        raise DocumentRefusedError(
            "not-signed", role, f"lacks signatures that {by} asks for ({error}); {advice}"
        ) from error
    return metadata.signed


def _check_newer(document: Document, ground: Ground) -> None:
    before = read_signed(ground.upper[document.role])["version"] if document.role in ground.upper else 0
    if document.version <= before:
        what = f"has version {document.version}, but clients have seen {before}; sign a greater one"
        raise DocumentRefusedError("not-newer", document.role, what)


def _check_unexpired(role: str, signed: Signed, now: datetime) -> None:
    if signed.expires <= now:
        raise DocumentRefusedError("expired", role, f"expired on {signed.expires:%Y-%m-%d}; sign one that lives")


def _check_delegates(upper: Mapping[str, bytes], ground: Ground) -> None:
    """A delegation to a role that no snapshot lists makes clients fail. The bins are signed with their publication."""
    for role in (TARGETS, CLAIMED):
        for name in delegated_roles(read_signed(upper[role])):
            if name not in ground.roles:
                raise DocumentRefusedError("unknown-role", role, f"delegates to {name[:80]!r}, which the index has not")


def _check_keys(root: Json, upper: Mapping[str, bytes], before: Ground) -> None:
    """Each key has one id, offline and online keys differ, and no offline key of a development ceremony goes on."""
    ids: dict[str, str] = {}
    publics: dict[str, str] = {}
    for keyid, public in _all_keys(root, upper):
        if ids.setdefault(public, keyid) != keyid or publics.setdefault(keyid, public) != public:
            raise DocumentRefusedError("key-twice", ROOT, f"names a key under two ids, or two keys as {keyid[:8]}")
    offline = _offline_keyids(root, upper)
    online = {keyid for entry in _online_entries(root, upper) for keyid in entry["keyids"]}
    if both := online & offline:
        what = f"names the key {min(both)[:8]} for an offline role and for an online one"
        raise DocumentRefusedError("online-key-offline", ROOT, what)
    if not online_keys(root, upper):
        what = "names no key that alone signs timestamp, snapshot, recently-claimed and bins, as an index needs it"
        raise DocumentRefusedError("online-key-missing", ROOT, what)
    if before.is_development:
        known = read_signed(before.roots[-1])
        old = {public for _, public in _all_keys(known, before.upper)}
        for keyid in sorted(offline):
            if publics[keyid] in old:
                what = f"names the key {keyid[:8]}, which the development ceremony left on the server"
                raise DocumentRefusedError("development-key", ROOT, what)


def _online_entries(root: Json, upper: Mapping[str, bytes]) -> list[Json]:
    """What says of each online role by which keys it is signed."""
    delegations = read_signed(upper[TARGETS])["delegations"]["roles"]
    [recently] = [each for each in delegations if each["name"] == RECENTLY_CLAIMED]
    return [root["roles"][TIMESTAMP], root["roles"][SNAPSHOT], recently, read_bins_entry(upper[UNCLAIMED])]


def _offline_keyids(root: Json, upper: Mapping[str, bytes]) -> set[str]:
    delegations = read_signed(upper[TARGETS])["delegations"]["roles"]
    entries = [root["roles"][ROOT], root["roles"][TARGETS]]
    entries += [each for each in delegations if each["name"] != RECENTLY_CLAIMED]
    return {keyid for entry in entries for keyid in entry["keyids"]}


def _all_keys(root: Json, upper: Mapping[str, bytes]) -> list[tuple[str, str]]:
    """Every key that root, targets and unclaimed name: its id, and what is public of it."""
    named = [root["keys"], *(read_signed(upper[role])["delegations"]["keys"] for role in (TARGETS, UNCLAIMED))]
    return [(keyid, str(key["keyval"]["public"]).strip()) for keys in named for keyid, key in keys.items()]


def _parsed(content: bytes) -> Root:
    return Metadata[Root].from_bytes(content).signed
