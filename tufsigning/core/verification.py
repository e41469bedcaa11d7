"""A candidate, checked by the rules of TUF clients before anybody sees it, as new and as returning ones (ADR 4)."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

from tuf.api.exceptions import BadVersionNumberError, ExpiredMetadataError, RepositoryError, UnsignedMetadataError
from tuf.ngclient._internal.trusted_metadata_set import TrustedMetadataSet
from tuf.ngclient.config import EnvelopeType

from indexsite_client.protocol import (
    CLAIMED,
    RECENTLY_CLAIMED,
    ROOT,
    SNAPSHOT,
    TARGETS,
    UNCLAIMED,
    ProtocolError,
    check_shape,
    read_expiry,
)
from tufsigning.core.documents import read_signed
from tufsigning.core.increments import check_bins, check_increment
from tufsigning.core.publication import Candidate, Current, is_bin
from tufsigning.errors import TrustError

_DELEGATORS = {TARGETS: ROOT, CLAIMED: TARGETS, RECENTLY_CLAIMED: TARGETS, UNCLAIMED: TARGETS}


class CandidateRefusedError(TrustError):
    """A publication that clients would refuse; it is never made visible."""

    code = "candidate-refused"

    def __init__(self, client: str, reason: Exception) -> None:
        super().__init__(f"A {client} client would refuse the new publication: {reason}. Nothing was made visible.")
        self.client = client


class CandidateChecker:
    """Checks candidates. Root and the roles above the bins are checked in full where they are new to it.

    A candidate over the same ones differs from the publication before it in bins, snapshot and timestamp, and only
    these are checked: a returning client reads no more, and a new one reads what was checked already.
    """

    def __init__(self) -> None:
        self._checked: tuple[tuple[bytes, ...], Mapping[str, bytes]] | None = None

    def check(self, candidate: Candidate, *, current: Current, previous: Current | None, now: datetime) -> None:
        """Raise CandidateRefusedError where a client would refuse; `current` is what will be once it is visible."""
        ground = (current.roots, current.upper)
        is_known = self._checked == ground and previous is not None and ground == (previous.roots, previous.upper)
        if is_known and previous is not None and _signs_bins_only(candidate):
            with _refusal("returning"):
                check_increment(candidate, previous=previous, now=now)
        else:
            _check_in_full(candidate, current=current, previous=previous, now=now)
            self._checked = ground  # of which the bins, below, are no part
        with _refusal("new"):
            check_bins(candidate, current=current, now=now)


def _signs_bins_only(candidate: Candidate) -> bool:
    return all(is_bin(document.role) or document.role == SNAPSHOT for document in candidate.documents)


def _check_in_full(candidate: Candidate, *, current: Current, previous: Current | None, now: datetime) -> None:
    """Everything but the bins, by python-tuf's client itself, from 1.root.json on."""
    contents = {document.role: document.content for document in candidate.documents}
    memories = {"new": None} if previous is None else {"new": None, "returning": previous}
    for client, memory in memories.items():
        with _refusal(client):
            trusted = _trusted_roots(current.roots, now)
            _update_timestamp_and_snapshot(trusted, candidate, contents[SNAPSHOT], memory)
            for role, delegator in _DELEGATORS.items():
                trusted.reference_time = now if role in contents else _while_valid(current.upper[role], now)
                trusted.update_delegated_targets(current.upper[role], role, delegator)
                check_shape(role, read_signed(current.upper[role]), index_id=current.index_id)


def _while_valid(content: bytes, now: datetime) -> datetime:
    """Now, or a moment before the document expired: an offline role that nobody renewed stops no publication."""
    return min(now, read_expiry(read_signed(content)) - timedelta(seconds=1))


def _trusted_roots(roots: tuple[bytes, ...], now: datetime) -> TrustedMetadataSet:
    trusted = TrustedMetadataSet(roots[0], EnvelopeType.METADATA)
    trusted.reference_time = _while_valid(roots[-1], now)
    for root in roots[1:]:
        trusted.update_root(root)
    return trusted


def _update_timestamp_and_snapshot(
    trusted: TrustedMetadataSet, candidate: Candidate, snapshot: bytes, memory: Current | None
) -> None:
    """The order of a client's work. What it remembers counts even where it has expired or is not the newest.

    What keys signed that the newest root no longer names counts for nothing.
    """
    if memory is not None:
        with suppress(ExpiredMetadataError, UnsignedMetadataError):
            trusted.update_timestamp(memory.timestamp)
    trusted.update_timestamp(candidate.timestamp.content)
    if memory is not None:
        with suppress(ExpiredMetadataError, BadVersionNumberError, UnsignedMetadataError):
            trusted.update_snapshot(memory.snapshot, trusted=True)
    trusted.update_snapshot(snapshot)


@contextmanager
def _refusal(client: str) -> Iterator[None]:
    """What any of the rules raises, as a refusal in the name of that client."""
    try:
        yield
    except (RepositoryError, RuntimeError, ValueError, KeyError, ProtocolError) as error:
        raise CandidateRefusedError(client, error) from error
