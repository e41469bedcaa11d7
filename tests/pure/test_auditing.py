"""Documents judged one by one: each fault by its code, and nothing where all is well."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, Root

from indexsite_client.protocol import EXTENSION, ROOT, SNAPSHOT, TARGETS, TIMESTAMP, Json, RoleHeader, root_signed
from tufsigning.core.auditing import judge, judge_roots
from tufsigning.core.documents import Document, meta_entry, role_keys, sign_document, sign_snapshot
from tufsigning.core.findings import ADVICE
from tufsigning.core.snapshots import NO_ENTRIES

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
FIRST, SECOND, THIRD, STRANGER = (CryptoSigner(Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32)) for n in range(4))


def root(
    version: int,
    holders: list[CryptoSigner],
    signers: list[CryptoSigner],
    *,
    development: bool = False,
    days: int = 365,
) -> bytes:
    header = RoleHeader(ROOT, version, NOW + timedelta(days=days), "index")
    keys = role_keys([each.public_key for each in holders], 2)
    roles = dict.fromkeys([ROOT, TARGETS, SNAPSHOT, TIMESTAMP], keys)
    return sign_document(root_signed(header, roles, development=development), signers).content


OLD, NEW, BOTH = [FIRST, SECOND], [SECOND, THIRD], [FIRST, SECOND, THIRD]


@pytest.mark.parametrize(
    ("roots", "codes", "newest"),
    [
        ([root(1, OLD, OLD)], [], 1),
        ([root(1, OLD, OLD), root(2, NEW, BOTH)], [], 2),
        ([root(1, OLD, OLD, days=-1), root(2, NEW, BOTH)], [], 2),
        ([root(1, OLD, OLD), root(2, NEW, BOTH, days=0)], ["document-expired"], 2),
        ([root(1, OLD, OLD), root(2, NEW, OLD)], ["document-unsigned"], 1),
        ([root(1, OLD, OLD), root(2, NEW, NEW)], ["document-unsigned"], 1),
        ([root(1, OLD, [FIRST])], ["document-unsigned"], None),
        ([root(1, OLD, OLD), root(1, OLD, OLD)], ["document-replaced"], 1),
        ([root(1, OLD, OLD), root(3, NEW, BOTH)], ["document-replaced"], 1),
        ([root(1, OLD, OLD), None, root(3, NEW, BOTH)], ["document-missing"], 1),
        ([root(1, OLD, OLD), b"{}"], ["document-unreadable"], 1),
        ([root(1, OLD, OLD), root(2, NEW, BOTH).replace(b'":', b'": ')], ["document-unreadable"], 1),
        ([root(1, OLD, OLD, development=True), root(2, NEW, NEW)], [], 2),
        ([root(1, OLD, OLD), root(2, NEW, NEW, development=True)], ["document-unsigned"], 1),
    ],
)
def test_the_chain_of_roots(roots: list[bytes | None], codes: list[str], newest: int | None) -> None:
    found, trusted = judge_roots(roots, now=NOW)
    assert [each.code for each in found] == codes
    assert (trusted.version if trusted else None) == newest


def snapshot(signers: list[CryptoSigner], *, version: int = 5, days: int = 7, **said: object) -> Document:
    header = RoleHeader(SNAPSHOT, version, NOW + timedelta(days=days), "index")
    document = sign_snapshot(header, NO_ENTRIES, signers)
    if not said:
        return document
    signed: Json = header.signed(SNAPSHOT) | {"meta": {}}
    signed[EXTENSION] |= said
    return sign_document(signed, signers)


@pytest.mark.parametrize(
    ("document", "change", "code", "is_relied_on"),
    [
        (snapshot(OLD), lambda entry: entry, "", True),
        (snapshot(OLD, days=0), lambda entry: entry, "document-expired", True),
        (snapshot([FIRST]), lambda entry: entry, "document-unsigned", False),
        (snapshot([FIRST, STRANGER]), lambda entry: entry, "document-unsigned", False),
        (snapshot(OLD), lambda entry: entry | {"version": 6}, "document-replaced", False),
        (snapshot(OLD), lambda entry: entry | {"length": 6}, "document-differs", False),
        (snapshot(OLD), lambda entry: entry | {"hashes": {"sha256": "0" * 64}}, "document-differs", False),
        (snapshot(OLD, index="another"), lambda entry: entry, "document-misshapen", False),
    ],
)
def test_a_document(document: Document, change: Callable[[Json], Json], code: str, is_relied_on: bool) -> None:
    delegator = Metadata[Root].from_bytes(root(1, OLD, OLD)).signed
    entry = change(meta_entry(document, hashed=True))
    found, signed = judge(SNAPSHOT, document.content, entry=entry, delegator=delegator, now=NOW, index_id="index")
    assert [each.code for each in found] == [code] * bool(code)
    assert (signed is not None) is is_relied_on
    assert all(each.advice for each in found)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"signatures":[],"signed":{}}', b'{"signed":1}', b"\xff" * 9])
def test_whatever_lies_there_is_named(content: bytes) -> None:
    delegator = Metadata[Root].from_bytes(root(1, OLD, OLD)).signed
    found, signed = judge(TIMESTAMP, content, entry=None, delegator=delegator, now=NOW, index_id="index")
    assert [each.code for each in found] in (["document-unreadable"], ["document-unsigned"])
    assert signed is None


def test_a_role_that_delegates_what_it_may_not_is_named() -> None:
    header = RoleHeader(TARGETS, 1, NOW + timedelta(days=7), "index")
    forged = header.signed(TARGETS) | {"targets": {"demo/x": {}}, "delegations": {"keys": {}, "roles": []}}
    document = sign_document(forged, OLD)
    delegator = Metadata[Root].from_bytes(root(1, OLD, OLD)).signed
    entry = meta_entry(document, hashed=True)
    found, _ = judge(TARGETS, document.content, entry=entry, delegator=delegator, now=NOW, index_id="index")
    assert [each.code for each in found] == ["document-misshapen"]


def test_every_code_has_advice() -> None:
    assert all(advice.endswith(".") for advice in ADVICE.values())
