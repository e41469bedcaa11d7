"""A walk over every role of an index in TUF's order of search: each document verified, each target told once.

python-tuf looks roles up for one target; a mirror needs them all, and in bounded memory. So this repeats, over tuf's
public classes, the rules for delegated targets (TUF specification 5.6): the snapshot's version, length and hash, the
delegator's keys and threshold, expiry, delegated paths, and terminating delegations.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime

from tuf.api.exceptions import BadVersionNumberError, ExpiredMetadataError
from tuf.api.metadata import DelegatedRole, Metadata, MetaFile, Snapshot, SuccinctRoles, TargetFile, Targets

from indexsite_client.boundary import speaking
from indexsite_client.errors import ClientError, VerificationError
from indexsite_client.guard import ShapeGuard

_MAX_TARGETS = 5_000_000  # bytes, where the snapshot says no length
_MAX_TARGETS_EVER = 64_000_000

Loader = Callable[[Iterable[tuple[str, int]]], Generator[bytes | ClientError]]
Refusal = Callable[[str, ClientError], None]
_May = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class VerifiedRole:
    """A verified targets document, its name in a repository, and those of its targets that a client would find."""

    role: str
    name: str
    data: bytes
    targets: list[TargetFile]


class Walk:
    """One walk over one snapshot. `load` gets names and greatest lengths, and yields bytes in that order."""

    def __init__(
        self, snapshot: Snapshot, guard: ShapeGuard, load: Loader, *, now: datetime | None = None, refuse: Refusal
    ) -> None:
        """`refuse` is told what does not verify: it raises, or the walk goes on without what is below."""
        self._snapshot, self._guard, self._load, self._refuse = snapshot, guard, load, refuse
        self._now = now or datetime.now(UTC)
        self._ended: set[str] = set()  # projects whose search ended at a terminating delegation

    def below(self, role: str, document: Targets) -> Iterator[VerifiedRole]:
        """Every role that `document`, of the verified role `role`, leads to."""
        yield from self._visit(role, document, lambda _path: True)

    def _visit(self, parent: str, document: Targets, may: _May) -> Iterator[VerifiedRole]:
        children = list(_children(document))
        known = [(child, meta) for child, _role, _may in children if (meta := self._meta(parent, child))]
        metas = dict(known)
        with closing(self._load((f"{meta.version}.{child}.json", _bound(meta)) for child, meta in known)) as loaded:
            for child, delegated, may_child in children:
                if child not in metas:
                    continue
                name, data = f"{metas[child].version}.{child}.json", next(loaded)
                try:
                    if isinstance(data, ClientError):
                        raise data
                    found = self._verify(child, data, parent=document, meta=metas[child])
                except ClientError as error:
                    self._refuse(name, error)
                    continue
                yield from self._tell(child, name, data, found, _both(may, may_child))
                if delegated is not None and delegated.terminating:
                    self._ended.update(path.partition("/")[0] for path in delegated.paths or ())

    def _tell(self, role: str, name: str, data: bytes, found: Targets, may: _May) -> Iterator[VerifiedRole]:
        reachable = [t for path, t in found.targets.items() if may(path) and path.partition("/")[0] not in self._ended]
        yield VerifiedRole(role, name, data, reachable)
        if found.delegations:
            yield from self._visit(role, found, may)

    def _meta(self, parent: str, child: str) -> MetaFile | None:
        meta: MetaFile | None = self._snapshot.meta.get(f"{child}.json")
        if meta is None:
            fault = f"The role {parent!r} delegates to {child!r}, which the snapshot lacks. Nothing of it is used."
            self._refuse(f"{child}.json", VerificationError(fault))
        return meta

    def _verify(self, role: str, data: bytes, *, parent: Targets, meta: MetaFile) -> Targets:
        with speaking(f"The document of the role {role!r}"):
            meta.verify_length_and_hashes(data)
            self._guard.check(role, data)
            metadata = Metadata[Targets].from_bytes(data)
            parent.verify_delegate(role, metadata.signed_bytes, metadata.signatures)
            if metadata.signed.version != meta.version:
                raise BadVersionNumberError(f"the snapshot says version {meta.version} of {role}")
            if metadata.signed.is_expired(self._now):
                raise ExpiredMetadataError(f"{role} has expired")
            return metadata.signed


def _children(document: Targets) -> Iterator[tuple[str, DelegatedRole | None, _May]]:
    """The delegated roles in order, each with what says whether a target path is delegated to it."""
    delegations = document.delegations
    if delegations is None:
        return
    if delegations.succinct_roles is not None:
        bins = delegations.succinct_roles
        for name in bins.get_roles():
            yield name, None, _in_bin(bins, name)
    for name, role in (delegations.roles or {}).items():
        yield name, role, role.is_delegated_path


def _in_bin(bins: SuccinctRoles, name: str) -> _May:
    return lambda path: bins.get_role_for_target(path) == name


def _both(first: _May, second: _May) -> _May:
    return lambda path: first(path) and second(path)


def _bound(meta: MetaFile) -> int:
    return min(meta.length or _MAX_TARGETS, _MAX_TARGETS_EVER)
