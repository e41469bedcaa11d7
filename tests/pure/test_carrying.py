"""Bins that are signed anew as they stand: byte for byte what reading and writing them would make, or refused."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tuf.api.exceptions import RepositoryError

from indexsite_client.protocol import Json, RoleHeader, targets_signed
from tests.pure.test_verification import (
    ENTRY,
    NOW,
    OTHER,
    SIGNER,
    THIEF,
    after,  # noqa: F401  # a fixture
    bin_document,
    checker,  # noqa: F401  # a fixture
    published,
)
from tufsigning.core.canonical import canonical_bytes
from tufsigning.core.carrying import split_bin, with_header
from tufsigning.core.documents import Document, read_signed, sign_document, sign_payload, target_entry
from tufsigning.core.increments import verify_bin
from tufsigning.core.publication import Candidate, Current, Plan, Signing, sign_publication
from tufsigning.core.verification import CandidateChecker, CandidateRefusedError

HEADER = RoleHeader("bin-1", 7, datetime(2026, 2, 3, tzinfo=UTC), "an-index")
LATER = RoleHeader("bin-1", 8, datetime(2027, 2, 3, tzinfo=UTC), "an-index")
VERSIONS = {"bin-0": 11, "bin-1": 11, "snapshot": 11, "timestamp": 11}
PATHS = st.text("abz09-._,:{}[] é", min_size=1, max_size=20).map("a/".__add__)
ENTRIES = st.builds(lambda number: target_entry(sha256=f"{number:064x}", length=number), st.integers(0, 2**53))


@given(st.dictionaries(PATHS, ENTRIES, max_size=5))
def test_a_carried_bin_is_what_reading_and_writing_it_would_make(targets: dict[str, Json]) -> None:
    payload = canonical_bytes(targets_signed(HEADER, targets=targets))
    split = split_bin(payload)
    assert split.targets == canonical_bytes(targets)
    assert with_header(LATER, split.targets) == canonical_bytes(targets_signed(LATER, targets=targets))


@pytest.mark.parametrize("path", ["a/b,version:1", "a/},version:", "a/targets:{}", "a/x-indexsite", "a/{}}"])
def test_paths_that_look_like_the_header_are_carried_whole(path: str) -> None:
    targets: dict[str, Json] = {path: ENTRY, "z/z": OTHER}
    split = split_bin(canonical_bytes(targets_signed(HEADER, targets=targets)))
    assert with_header(LATER, split.targets) == canonical_bytes(targets_signed(LATER, targets=targets))


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{}",
        b'{"_type":"targets","targets":{}}',
        canonical_bytes(targets_signed(HEADER, targets={}, delegations={"keys": {}, "roles": []})),
        canonical_bytes(targets_signed(HEADER, targets={}) | {"y-more": 1}),
        canonical_bytes(targets_signed(HEADER, targets={'a/"': ENTRY})),
        canonical_bytes(targets_signed(HEADER, targets={})).replace(b",", b", "),
        canonical_bytes(targets_signed(HEADER, targets={})).replace(b'{"_type":', b'{"_type": '),
        canonical_bytes(targets_signed(HEADER, targets={})).replace(b'"targets":{}', b'"targets":[]'),
    ],
)
def test_what_is_no_canonical_bin_is_not_taken_apart(payload: bytes) -> None:
    with pytest.raises(ValueError, match=r"canonical form|JSON|unexpected"):
        split_bin(payload)


def signing() -> Signing:
    return Signing((SIGNER,), NOW, VERSIONS, "an-index")


def bin_zero(*, entry: Json = ENTRY, signer: object = SIGNER) -> Document:
    header = RoleHeader("bin-0", 10, NOW + timedelta(days=7), "an-index")
    return sign_document(targets_signed(header, targets={"p/f": entry}), [signer])  # type: ignore[list-item]  # a signer


def carried(after: Current) -> Candidate:  # noqa: F811  # no fixture here
    plan = Plan({}, carried=("bin-0",))
    return sign_publication(
        plan, entries=after.entries, signing=signing(), read_document=lambda role: bin_zero().content
    )


def test_a_carried_bin_passes_and_lists_the_same(checker: CandidateChecker, after: Current) -> None:  # noqa: F811
    candidate = carried(after)
    checker.check(candidate, current=after, previous=after, now=NOW)
    [bin_] = [each for each in candidate.documents if each.role == "bin-0"]
    signed = read_signed(bin_.content)
    assert (signed["targets"], signed["version"]) == ({"p/f": ENTRY}, 11)
    assert published(after, candidate).entries["bin-0"]["version"] == 11
    read = sign_publication(Plan({"bin-0": {"p/f": ENTRY}}), entries=after.entries, signing=signing())
    assert read.documents == candidate.documents


def put(candidate: Candidate, document: Document) -> Candidate:
    """The candidate with another bin-0, which its snapshot describes."""
    entries = candidate.entries.updated({"bin-0": {"version": document.version, "length": len(document.content)}})
    anew = sign_publication(Plan({}), entries=entries, signing=signing())
    return replace(candidate, documents=(document, *anew.documents), timestamp=anew.timestamp, entries=entries)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"targets": {"p/f": OTHER}}, "lists something else"),
        ({"targets": {}}, "lists something else"),
        ({"version": 12}, "version"),
        ({"expires": "2026-01-01T11:59:59Z"}, "expired"),
        ({"x-indexsite": {"index": "an-index", "role": "bin-1"}}, "another index or role"),
        ({"x-indexsite": {"index": "another", "role": "bin-0"}}, "another index or role"),
        ({"_type": "snapshot"}, "type"),
        ({"spec_version": "2.0"}, "version"),
    ],
)
def test_a_carried_bin_that_differs_is_refused(
    checker: CandidateChecker,  # noqa: F811
    after: Current,  # noqa: F811
    changed: Json,
    why: str,
) -> None:
    candidate = carried(after)
    header = RoleHeader("bin-0", 11, NOW + timedelta(days=7), "an-index")
    signed = targets_signed(header, targets={"p/f": ENTRY})
    bad = sign_payload("bin-0", 11, canonical_bytes(signed | changed), [SIGNER])
    with pytest.raises(CandidateRefusedError, match=why):
        checker.check(put(candidate, bad), current=after, previous=after, now=NOW)


def test_a_carried_bin_of_a_wrong_key_is_refused(checker: CandidateChecker, after: Current) -> None:  # noqa: F811
    header = RoleHeader("bin-0", 11, NOW + timedelta(days=7), "an-index")
    bad = sign_document(targets_signed(header, targets={"p/f": ENTRY}), [THIEF])
    with pytest.raises(CandidateRefusedError, match="bin-0"):
        checker.check(put(carried(after), bad), current=after, previous=after, now=NOW)


def test_a_published_bin_that_its_keys_did_not_sign_is_not_verified(after: Current) -> None:  # noqa: F811
    unclaimed = after.upper["unclaimed"]
    verify_bin("bin-0", bin_zero().content, unclaimed=unclaimed)
    tampered = bin_zero().content.replace(b"a" * 64, b"b" * 64)
    for content in (bin_zero(signer=THIEF).content, tampered, bin_document(10).content[:-9] + b"}"):
        with pytest.raises((RepositoryError, ValueError)):
            verify_bin("bin-0", content, unclaimed=unclaimed)


def test_a_bin_is_carried_or_changed_never_both() -> None:
    with pytest.raises(ValueError, match="never both"):
        Plan({"bin-0": {}}, carried=("bin-0",))


def test_without_a_published_document_nothing_is_carried(after: Current) -> None:  # noqa: F811
    with pytest.raises(LookupError, match="bin-0"):
        sign_publication(Plan({}, carried=("bin-0",)), entries=after.entries, signing=signing())
