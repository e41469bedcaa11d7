"""Candidates: what clients would refuse is refused, by a checker that is new and by one with experience."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner

from indexsite_client.protocol import (
    RECENTLY_CLAIMED,
    SNAPSHOT,
    UNCLAIMED,
    Bins,
    Json,
    RoleHeader,
    delegation_to,
    root_signed,
    targets_signed,
)
from tufsigning.core.documents import Document, role_keys, sign_document, target_entry, timestamp_signed
from tufsigning.core.publication import Candidate, Current, Plan, Signing, sign_publication
from tufsigning.core.snapshots import NO_ENTRIES, SnapshotEntries
from tufsigning.core.verification import CandidateChecker, CandidateRefusedError

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
SIGNER = CryptoSigner(Ed25519PrivateKey.from_private_bytes(b"\x07" * 32))
THIEF = CryptoSigner(Ed25519PrivateKey.from_private_bytes(b"\x09" * 32))
ENTRY, OTHER = target_entry(sha256="a" * 64, length=1), target_entry(sha256="b" * 64, length=2)


def current(signer: CryptoSigner = SIGNER) -> Current:
    """A small index with one key for everything and two bins, nothing published yet."""
    keys = role_keys([signer.public_key], 1)

    def header(role: str) -> RoleHeader:
        return RoleHeader(role, 1, NOW + timedelta(days=300), "an-index")

    top = dict.fromkeys(("root", "timestamp", "snapshot", "targets"), keys)
    root = sign_document(root_signed(header("root"), top, development=True), [signer])
    order = [(role, keys) for role in ("claimed", RECENTLY_CLAIMED, UNCLAIMED)]
    delegations = {
        "targets": delegation_to(order, path="*/*", terminating=False),
        "claimed": {"keys": {}, "roles": []},
        UNCLAIMED: Bins(2).delegations(dict(keys.keys), keys.entry()),
    }
    documents = {
        role: sign_document(targets_signed(header(role), targets={}, delegations=each), [signer])
        for role, each in delegations.items()
    }
    return Current((root.content,), b"", b"", {role: document.content for role, document in documents.items()})


def first(version: int = 10, now: datetime = NOW) -> tuple[Current, Candidate]:
    start = current()
    offline = tuple(Document(role, 1, content) for role, content in start.upper.items())
    made = Plan({RECENTLY_CLAIMED: {}, "bin-0": {"p/f": ENTRY}, "bin-1": {}}, offline)
    versions = dict.fromkeys(made.online_roles(), version)
    candidate = sign_publication(made, entries=NO_ENTRIES, signing=Signing((SIGNER,), now, versions, "an-index"))
    return start, candidate


def published(start: Current, candidate: Candidate) -> Current:
    contents = {document.role: document.content for document in candidate.documents}
    upper = {**start.upper, **{role: contents[role] for role in contents.keys() & {RECENTLY_CLAIMED}}}
    return Current(start.roots, candidate.timestamp.content, contents["snapshot"], upper, candidate.entries)


def next_candidate(
    after: Current, plan: Plan, *, version: int, entries: SnapshotEntries | None = None, signer: CryptoSigner = SIGNER
) -> Candidate:
    signing = Signing((signer,), NOW, dict.fromkeys(plan.online_roles(), version), "an-index")
    return sign_publication(plan, entries=after.entries if entries is None else entries, signing=signing)


@pytest.fixture
def after() -> Current:
    """A first publication."""
    start, candidate = first()
    return published(start, candidate)


@pytest.fixture(params=["new", "experienced"])
def checker(request: pytest.FixtureRequest, after: Current) -> CandidateChecker:
    """One that checks everything, and one that checked the same root and upper roles before."""
    checker = CandidateChecker()
    if request.param == "experienced":
        _, candidate = first()
        checker.check(candidate, current=after, previous=None, now=NOW)
    return checker


Refused = Callable[..., str]


@pytest.fixture
def refused(checker: CandidateChecker, after: Current) -> Refused:
    """The reason for which a candidate that follows the first publication is refused."""

    def check(candidate: Candidate, *, current: Current = after, now: datetime = NOW) -> str:
        with pytest.raises(CandidateRefusedError) as caught:
            checker.check(candidate, current=current, previous=after, now=now)
        return str(caught.value)

    return check


def resigned(candidate: Candidate, *documents: Document, signer: CryptoSigner = SIGNER) -> Candidate:
    """The candidate with other documents in place of its own, and a timestamp that fits."""
    contents = {each.role: each for each in (*candidate.documents, *documents)}
    header = RoleHeader("timestamp", candidate.timestamp.version, NOW + timedelta(days=1), "an-index")
    timestamp = sign_document(timestamp_signed(header, contents[SNAPSHOT]), [signer])
    return replace(candidate, documents=tuple(contents.values()), timestamp=timestamp)


def bin_document(version: int = 11, *, targets: dict[str, Json] | None = None, **changed: object) -> Document:
    header = RoleHeader("bin-1", version, NOW + timedelta(days=7), "an-index")
    return sign_document(targets_signed(header, targets=targets or {}) | changed, [SIGNER])


def test_a_good_candidate_passes_as_new_and_as_returning_client(checker: CandidateChecker, after: Current) -> None:
    for version in (11, 12):
        following = next_candidate(after, Plan({"bin-1": {"q/g": OTHER}}), version=version)
        checker.check(following, current=after, previous=after, now=NOW)
        after = published(after, following)


def test_a_version_that_goes_back_is_refused(refused: Refused, after: Current) -> None:
    assert "returning" in refused(next_candidate(after, Plan({"bin-1": {}}), version=9))


def test_a_bin_that_goes_back_is_refused(refused: Refused, after: Current) -> None:
    plan = Plan({"bin-1": {}})
    signing = Signing((SIGNER,), NOW, {"bin-1": 9, "snapshot": 11, "timestamp": 11}, "an-index")
    assert "bin-1" in refused(sign_publication(plan, entries=after.entries, signing=signing))


def test_a_role_that_leaves_the_snapshot_is_refused(refused: Refused, after: Current) -> None:
    left = SnapshotEntries.of({role: after.entries[role] for role in after.entries.roles() if role != "bin-0"})
    assert "bin-0" in refused(next_candidate(after, Plan({"bin-1": {}}), version=11, entries=left))


def test_an_expired_candidate_is_refused(refused: Refused, after: Current) -> None:
    candidate = next_candidate(after, Plan({"bin-1": {}}), version=11)
    assert "expired" in refused(candidate, now=NOW + timedelta(days=2))


def test_an_expired_bin_is_refused(refused: Refused, after: Current) -> None:
    document = bin_document(expires="2026-01-01T11:59:59Z")
    entry = {"bin-1": {"version": 11, "length": len(document.content)}}
    candidate = next_candidate(after, Plan({}), version=11, entries=after.entries.updated(entry))
    assert "bin-1 is expired" in refused(replace(candidate, documents=(document, *candidate.documents)))


@pytest.mark.parametrize("role", ["bin-1", "snapshot", "timestamp"])
def test_a_document_of_a_wrong_key_is_refused(refused: Refused, after: Current, role: str) -> None:
    plan = Plan({"bin-1": {}})
    good, bad = (next_candidate(after, plan, version=11, signer=signer) for signer in (SIGNER, THIEF))
    forged = {each.role: each for each in (*bad.documents, bad.timestamp)}[role]
    if role == "timestamp":
        assert refused(replace(good, timestamp=forged))
        return
    candidate = resigned(good, forged)
    assert role in refused(candidate)


def test_a_candidate_of_another_shape_is_refused(refused: Refused, after: Current) -> None:
    for plan in (Plan({"bin-1": {"a/b/c": ENTRY}}), Plan({"bin-1": {"Not_Normalized/f": ENTRY}})):
        assert "bin-1" in refused(next_candidate(after, plan, version=11))
    following = next_candidate(after, Plan({RECENTLY_CLAIMED: {"p/f": ENTRY}}), version=11)
    assert RECENTLY_CLAIMED in refused(following, current=published(after, following))


def test_a_bin_that_is_not_what_the_snapshot_says_is_refused(refused: Refused, after: Current) -> None:
    candidate = next_candidate(after, Plan({"bin-1": {}}), version=11)
    assert "bin-1" in refused(resigned(candidate, bin_document(12)))
    assert "bin-1" in refused(resigned(candidate, bin_document(11, targets={"q/g": OTHER})))


def test_a_snapshot_that_is_not_what_the_timestamp_says_is_refused(refused: Refused, after: Current) -> None:
    candidate = next_candidate(after, Plan({"bin-1": {}}), version=11)
    other = next_candidate(after, Plan({"bin-1": {"q/g": OTHER}}), version=11)
    assert refused(replace(candidate, timestamp=other.timestamp))


def test_a_bin_with_what_no_client_can_read_is_refused(refused: Refused, after: Current) -> None:
    for entry in ({"hashes": {}, "length": 1}, {"hashes": {"sha256": "a"}, "length": -1}, {"length": 1}):
        assert refused(next_candidate(after, Plan({"bin-1": {"q/g": entry}}), version=11))


def test_a_string_that_clients_would_serialise_otherwise_is_refused(refused: Refused, after: Current) -> None:
    entry = ENTRY | {"custom": {"note": "two\nlines"}}
    assert "canonical" in refused(next_candidate(after, Plan({"bin-1": {"q/g": entry}}), version=11))


def test_a_role_that_changes_without_being_signed_anew_is_refused(after: Current) -> None:
    checker = CandidateChecker()
    _, candidate = first()
    checker.check(candidate, current=after, previous=None, now=NOW)
    stranger = after.entries.updated({"bin-0": {"version": 99, "length": 1}})
    following = next_candidate(after, Plan({"bin-1": {}}), version=11, entries=stranger)
    with pytest.raises(CandidateRefusedError, match="bin-0"):
        checker.check(following, current=after, previous=after, now=NOW)


def test_a_candidate_over_another_root_is_checked_in_full(after: Current) -> None:
    checker = CandidateChecker()
    _, candidate = first()
    checker.check(candidate, current=after, previous=None, now=NOW)
    other = replace(after, roots=current(THIEF).roots)
    following = next_candidate(after, Plan({"bin-1": {}}), version=11)
    with pytest.raises(CandidateRefusedError):
        checker.check(following, current=other, previous=after, now=NOW)
