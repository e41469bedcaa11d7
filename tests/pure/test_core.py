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
    Bins,
    Json,
    PageFile,
    ProjectPage,
    RoleHeader,
    canonical_json,
    normalize_name,
    page_bytes,
    read_expiry,
    read_page,
    targets_signed,
)
from tufsigning.core.canonical import canonical_bytes
from tufsigning.core.documents import role_keys, sign_document, target_entry
from tufsigning.core.lifetimes import is_due, lifetime
from tufsigning.core.publication import Change, Plan, plan_publication

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
SIGNER = CryptoSigner(Ed25519PrivateKey.from_private_bytes(b"\x07" * 32))
KEYS = role_keys([SIGNER.public_key], 1)
printable = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs", "Cc"]), max_size=20)
values = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | printable,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(printable, inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_canonical_json_is_the_one_that_tuf_clients_verify(value: Any) -> None:  # Any: any JSON value
    canonical = canonical_json({"signed": value})
    assert canonical.decode() == encode_canonical({"signed": value})
    assert canonical_bytes({"signed": value}) == canonical


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60), st.integers(1, 14))
def test_a_target_path_is_in_the_bin_where_clients_look_for_it(path: str, bit_length: int) -> None:
    theirs = SuccinctRoles([SIGNER.public_key.keyid], 1, bit_length, "bin")
    assert Bins(1 << bit_length).bin_of(path) == theirs.get_role_for_target(path)


@pytest.mark.parametrize("bit_length", [1, 4, 5, 8])
def test_there_are_as_many_bins_as_clients_expect(bit_length: int) -> None:
    theirs = SuccinctRoles([SIGNER.public_key.keyid], 1, bit_length, "bin")
    assert Bins(1 << bit_length).names() == list(theirs.get_roles())


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
    return plan_publication([change], bins=Bins(2), read_targets=lambda role: bins.get(role, {}), renew=renew or [])


def test_what_is_published_already_needs_no_publication() -> None:
    bins = {Bins(2).bin_of("p/f"): {"p/f": ENTRY}}
    assert plan(Change({"p/f": ENTRY}, frozenset({"p/gone"})), bins).is_empty


def test_a_change_touches_its_bin_only_and_keeps_the_rest_of_it() -> None:
    role = Bins(2).bin_of("p/f")
    made = plan(Change({"p/f": OTHER}), {role: {"p/f": ENTRY, "q/g": ENTRY}})
    assert {name: dict(targets) for name, targets in made.targets.items()} == {role: {"p/f": OTHER, "q/g": ENTRY}}


def test_what_is_removed_is_gone_even_where_a_bin_empties() -> None:
    role = Bins(2).bin_of("p/f")
    made = plan(Change({}, frozenset({"p/f"})), {role: {"p/f": ENTRY}}, renew=[role])
    assert dict(made.targets[role]) == {}


def test_expiry_is_read_back_as_it_was_written() -> None:
    header = RoleHeader("bin-00", 1, NOW, "an-index")
    assert read_expiry(targets_signed(header, targets={})) == NOW


@given(st.permutations(["poison-1.0.tar.gz", "poison-1.0.0.tar.gz", "poison-1.0-py3-none-any.whl", "poison-2.tar.gz"]))
def test_the_order_of_files_never_shows_in_a_page(filenames: list[str]) -> None:
    files = tuple(PageFile(filename, "a" * 64, 1, "2026-01-01T00:00:00.000000Z") for filename in filenames)
    content = page_bytes(ProjectPage(normalize_name("poison"), files))
    assert page_bytes(read_page(content)) == content
    assert content == page_bytes(ProjectPage(normalize_name("poison"), tuple(sorted(files, key=lambda f: f.filename))))
