"""A candidate, checked with python-tuf's own rules before anybody sees it, as a new and as a returning client.

`TrustedMetadataSet` is python-tuf's client workflow without its input and output. It is not public API (ADR 4):
`requirements.lock` pins it, and the tests run the public Updater over everything that is published.
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime

from tuf.api.exceptions import BadVersionNumberError, ExpiredMetadataError, RepositoryError
from tuf.ngclient._internal.trusted_metadata_set import TrustedMetadataSet
from tuf.ngclient.config import EnvelopeType

from indexsite_client.protocol import CLAIMED, RECENTLY_CLAIMED, UNCLAIMED, ProtocolError, check_shape
from tufsigning.core.documents import ROOT, SNAPSHOT, TARGETS, read_signed
from tufsigning.core.publication import Candidate, Current, is_bin
from tufsigning.errors import TrustError

_DELEGATORS = {TARGETS: ROOT, CLAIMED: TARGETS, RECENTLY_CLAIMED: TARGETS, UNCLAIMED: TARGETS}


class CandidateRefusedError(TrustError):
    """A publication that clients would refuse; it is never made visible."""

    code = "candidate-refused"

    def __init__(self, client: str, reason: Exception) -> None:
        super().__init__(f"A {client} client would refuse the new publication: {reason}. Nothing was made visible.")
        self.client = client


def check_candidate(candidate: Candidate, *, current: Current, previous: Current | None, now: datetime) -> None:
    """Check as a client that starts from 1.root.json, and as one that saw the previous publication.

    `current` carries the roots, and the upper roles that the candidate does not sign anew. Raises
    CandidateRefusedError. Bins that did not change were checked when they were new.
    """
    contents = {document.role: document.content for document in candidate.documents}
    upper = {**current.upper, **contents}
    memories = {"new": None} if previous is None else {"new": None, "returning": previous}
    for client, memory in memories.items():
        try:
            trusted = _trusted_roots(current.roots, now)
            _update_timestamp_and_snapshot(trusted, candidate, contents[SNAPSHOT], memory)
            _check_targets(trusted, upper, contents)
            _check_shapes(contents, current.index_id)
        except (RepositoryError, RuntimeError, ProtocolError) as error:
            raise CandidateRefusedError(client, error) from error


def _trusted_roots(roots: tuple[bytes, ...], now: datetime) -> TrustedMetadataSet:
    trusted = TrustedMetadataSet(roots[0], EnvelopeType.METADATA)
    trusted.reference_time = now
    for root in roots[1:]:
        trusted.update_root(root)
    return trusted


def _update_timestamp_and_snapshot(
    trusted: TrustedMetadataSet, candidate: Candidate, snapshot: bytes, memory: Current | None
) -> None:
    """The order of a client's work. What it remembers counts even where it has expired or is not the newest."""
    if memory is not None:
        with suppress(ExpiredMetadataError):
            trusted.update_timestamp(memory.timestamp)
    trusted.update_timestamp(candidate.timestamp.content)
    if memory is not None:
        with suppress(ExpiredMetadataError, BadVersionNumberError):
            trusted.update_snapshot(memory.snapshot, trusted=True)
    trusted.update_snapshot(snapshot)


def _check_targets(trusted: TrustedMetadataSet, upper: Mapping[str, bytes], contents: Mapping[str, bytes]) -> None:
    for role, delegator in _DELEGATORS.items():
        trusted.update_delegated_targets(upper[role], role, delegator)
    for role, content in contents.items():
        if is_bin(role):
            trusted.update_delegated_targets(content, role, UNCLAIMED)


def _check_shapes(contents: Mapping[str, bytes], index_id: str) -> None:
    for role, content in contents.items():
        if role != SNAPSHOT:
            check_shape(role, read_signed(content), index_id=index_id)
