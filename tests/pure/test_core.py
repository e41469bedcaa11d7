"""TUF rules over values: what is signed is what python-tuf reads, and a plan changes no more than it must."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.formats import encode_canonical
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, SuccinctRoles

from indexsite_client.protocol import (
    RECENTLY_CLAIMED,
    UNCLAIMED,
    Json,
    PageFile,
    ProjectPage,
    canonical_json,
    normalize_name,
    page_bytes,
    read_page,
)
from tufsigning.core.bins import bin_names, bin_of
from tufsigning.core.documents import (
    Document,
    RoleHeader,
    RoleKeys,
    delegation_to,
    read_expiry,
    root_signed,
    sign_document,
    succinct_delegation,
    target_entry,
    targets_signed,
)
from tufsigning.core.lifetimes import is_due, lifetime
from tufsigning.core.publication import Candidate, Change, Current, Plan, Signing, plan_publication, sign_publication
from tufsigning.core.verification import CandidateRefusedError, check_candidate

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
SIGNER = CryptoSigner(Ed25519PrivateKey.from_private_bytes(b"\x07" * 32))
KEYS = RoleKeys((SIGNER.public_key,), 1)
printable = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs", "Cc"]), max_size=20)
values = st.recursive(
    st.booleans() | st.integers() | printable,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(printable, inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_canonical_json_is_the_one_that_tuf_clients_verify(value: Any) -> None:  # Any: any JSON value
    assert canonical_json({"signed": value}).decode() == encode_canonical({"signed": value})


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60), st.integers(1, 14))
def test_a_target_path_is_in_the_bin_where_clients_look_for_it(path: str, bit_length: int) -> None:
    theirs = SuccinctRoles([SIGNER.public_key.keyid], 1, bit_length, "bin")
    assert bin_of(path, bit_length=bit_length) == theirs.get_role_for_target(path)


@pytest.mark.parametrize("bit_length", [1, 4, 5, 8])
def test_there_are_as_many_bins_as_clients_expect(bit_length: int) -> None:
    theirs = SuccinctRoles([SIGNER.public_key.keyid], 1, bit_length, "bin")
    assert bin_names(bit_length) == list(theirs.get_roles())


def test_a_signed_document_is_read_and_verified_by_python_tuf() -> None:
    header = RoleHeader("bin-00", 3, NOW + timedelta(days=7), "an-index")
    document = sign_document(
        targets_signed(header, targets={"é/ü.whl": target_entry(sha256="a" * 64, length=1)}), [SIGNER]
    )
    read = Metadata.from_bytes(document.content)
    SIGNER.public_key.verify_signature(read.signatures[SIGNER.public_key.keyid], read.signed_bytes)
    assert read.signed.version == 3
    assert read.signed.unrecognized_fields == {"x-indexsite": {"index": "an-index", "role": "bin-00"}}


def test_a_role_is_renewed_at_half_its_life_and_not_before() -> None:
    expires = NOW + lifetime("bin-00")
    assert not is_due("bin-00", expires=expires, now=NOW + lifetime("bin-00") / 2 - timedelta(seconds=1))
    assert is_due("bin-00", expires=expires, now=NOW + lifetime("bin-00") / 2)


# --- plans ---

ENTRY, OTHER = target_entry(sha256="a" * 64, length=1), target_entry(sha256="b" * 64, length=2)


def plan(change: Change, bins: dict[str, dict[str, Json]], renew: list[str] | None = None) -> Plan:
    return plan_publication([change], bit_length=1, read_targets=lambda role: bins.get(role, {}), renew=renew or [])


def test_what_is_published_already_needs_no_publication() -> None:
    bins = {bin_of("p/f", bit_length=1): {"p/f": ENTRY}}
    assert plan(Change({"p/f": ENTRY}, frozenset({"p/gone"})), bins).is_empty


def test_a_change_touches_its_bin_only_and_keeps_the_rest_of_it() -> None:
    role = bin_of("p/f", bit_length=1)
    made = plan(Change({"p/f": OTHER}), {role: {"p/f": ENTRY, "q/g": ENTRY}})
    assert {name: dict(targets) for name, targets in made.targets.items()} == {role: {"p/f": OTHER, "q/g": ENTRY}}


def test_what_is_removed_is_gone_even_where_a_bin_empties() -> None:
    role = bin_of("p/f", bit_length=1)
    made = plan(Change({}, frozenset({"p/f"})), {role: {"p/f": ENTRY}}, renew=[role])
    assert dict(made.targets[role]) == {}


# --- candidates ---


def current(signer: CryptoSigner = SIGNER) -> Current:
    """A small index with one key for everything and two bins, nothing published yet."""
    keys = RoleKeys((signer.public_key,), 1)

    def header(role: str) -> RoleHeader:
        return RoleHeader(role, 1, NOW + timedelta(days=300), "an-index")

    top = dict.fromkeys(("root", "timestamp", "snapshot", "targets"), keys)
    root = sign_document(root_signed(header("root"), top, development=True), [signer])
    order = [(role, keys) for role in ("claimed", RECENTLY_CLAIMED, UNCLAIMED)]
    delegations = {
        "targets": delegation_to(order, path="*/*", terminating=False),
        "claimed": {"keys": {}, "roles": []},
        UNCLAIMED: succinct_delegation(keys, prefix="bin", bit_length=1),
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
    candidate = sign_publication(made, meta={}, signing=Signing(SIGNER, now, versions, "an-index"))
    return start, candidate


def published(start: Current, candidate: Candidate) -> Current:
    contents = {document.role: document.content for document in candidate.documents}
    upper = {**start.upper, RECENTLY_CLAIMED: contents[RECENTLY_CLAIMED]}
    return Current(start.roots, candidate.timestamp.content, contents["snapshot"], upper)


def next_candidate(after: Current, plan: Plan, *, version: int, meta: dict[str, Json] | None = None) -> Candidate:
    signing = Signing(SIGNER, NOW, dict.fromkeys(plan.online_roles(), version), "an-index")
    return sign_publication(plan, meta=after.meta if meta is None else meta, signing=signing)


def test_a_good_candidate_passes_as_new_and_as_returning_client() -> None:
    start, candidate = first()
    after = published(start, candidate)
    check_candidate(candidate, current=after, previous=None, now=NOW)
    following = next_candidate(after, Plan({"bin-1": {"q/g": OTHER}}), version=11)
    check_candidate(following, current=after, previous=after, now=NOW)


def refused(candidate: Candidate, after: Current, previous: Current | None = None, now: datetime = NOW) -> str:
    with pytest.raises(CandidateRefusedError) as caught:
        check_candidate(candidate, current=after, previous=previous, now=now)
    return str(caught.value)


def test_a_version_that_goes_back_is_refused_for_returning_clients() -> None:
    start, candidate = first()
    after = published(start, candidate)
    assert "returning" in refused(next_candidate(after, Plan({"bin-1": {}}), version=9), after, after)


def test_a_role_that_leaves_the_snapshot_is_refused_for_returning_clients() -> None:
    start, candidate = first()
    after = published(start, candidate)
    meta = {role: entry for role, entry in after.meta.items() if role != "bin-0"}
    assert "bin-0" in refused(next_candidate(after, Plan({"bin-1": {}}), version=11, meta=meta), after, after)


def test_an_expired_candidate_is_refused() -> None:
    start, candidate = first()
    after = published(start, candidate)
    assert "expired" in refused(candidate, after, now=NOW + timedelta(days=2))


def test_a_candidate_of_a_wrong_key_is_refused() -> None:
    start, _ = first()
    thief = CryptoSigner(Ed25519PrivateKey.from_private_bytes(b"\x09" * 32))
    made = Plan({RECENTLY_CLAIMED: {}, "bin-0": {}, "bin-1": {}})
    signing = Signing(thief, NOW, dict.fromkeys(made.online_roles(), 11), "an-index")
    candidate = sign_publication(made, meta={}, signing=signing)
    refused(candidate, published(start, candidate))


def test_a_candidate_of_another_shape_is_refused() -> None:
    start, candidate = first()
    after = published(start, candidate)
    made = Plan({RECENTLY_CLAIMED: {"p/f": ENTRY}})
    assert RECENTLY_CLAIMED in refused(next_candidate(after, made, version=11), after, after)


def test_expiry_is_read_back_as_it_was_written() -> None:
    header = RoleHeader("bin-00", 1, NOW, "an-index")
    assert read_expiry(targets_signed(header, targets={})) == NOW


@given(st.permutations(["poison-1.0.tar.gz", "poison-1.0.0.tar.gz", "poison-1.0-py3-none-any.whl", "poison-2.tar.gz"]))
def test_the_order_of_files_never_shows_in_a_page(filenames: list[str]) -> None:
    files = tuple(PageFile(filename, "a" * 64, 1, "2026-01-01T00:00:00.000000Z") for filename in filenames)
    content = page_bytes(ProjectPage(normalize_name("poison"), files))
    assert page_bytes(read_page(content)) == content
    assert content == page_bytes(ProjectPage(normalize_name("poison"), tuple(sorted(files, key=lambda f: f.filename))))
