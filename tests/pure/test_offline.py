"""Documents of offline keys: what clients would follow is taken, and each thing they would not is refused by name."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from indexsite_client.protocol import (
    CLAIMED,
    EXTENSION,
    ROOT,
    TARGETS,
    TIMESTAMP,
    UNCLAIMED,
    Bins,
    BinStyle,
    Json,
    RoleHeader,
)
from tests.ceremonies import Ceremony, new_holders, new_signer
from tufsigning.core.chains import follows, roots_in_force
from tufsigning.core.documents import Document, sign_document, target_entry, timestamp_signed
from tufsigning.core.offline import Ground, check_documents, read_documents
from tufsigning.errors import DocumentRefusedError

NOW = datetime.now(UTC)
ONLINE, OTHER = new_signer(), new_signer()
CEREMONY = Ceremony((ONLINE.public_key,))
DEVELOPMENT = replace(CEREMONY, holders=new_holders(), development=True)
Made = Iterable[Document]


def ground_of(documents: Made) -> Ground:
    """An index in which these are published."""
    contents = {document.role: document.content for document in documents}
    return Ground((contents.pop(ROOT),), contents)


GROUND, DEVELOPED = ground_of(CEREMONY.all()), ground_of(DEVELOPMENT.all())


def check(documents: Made, *, ground: Ground = GROUND, begins_chain: bool = False) -> None:
    new = read_documents(document.content for document in documents)
    check_documents(new, ground=ground, begins_chain=begins_chain, now=NOW)


def changed(role: str, version: int, change: Callable[[Json], object], *, ceremony: Ceremony = CEREMONY) -> Document:
    """A role's document with something of its signed part changed, and then signed by everybody."""
    signed = ceremony.signed(role, version)
    change(signed)
    return sign_document(signed, ceremony.holders[role])


def signed_by(role: str, version: int, count: int, *, ceremony: Ceremony = CEREMONY) -> Document:
    return sign_document(ceremony.signed(role, version), ceremony.holders[role][:count])


def raw(role: str, content: bytes) -> Document:
    return Document(role, 2, content)


def twice(signed: Json) -> None:
    """Name the first key of a role under a second id as well."""
    keyid = signed["roles"][TARGETS]["keyids"][0]
    signed["keys"]["f" * 64] = dict(signed["keys"][keyid])
    signed["roles"][TARGETS]["keyids"].append("f" * 64)


def swap(signed: Json) -> None:
    """Let an offline role be signed with the online key too."""
    signed["roles"][TARGETS]["keyids"].append(ONLINE.public_key.keyid)


def no_common_key(signed: Json) -> None:
    """Let the timestamp be signed with a key that signs nothing else."""
    signed["keys"][OTHER.public_key.keyid] = OTHER.public_key.to_dict()
    signed["roles"][TIMESTAMP]["keyids"] = [OTHER.public_key.keyid]


def delegates(signed: Json) -> None:
    """Delegate to a role that the index does not have."""
    key = ONLINE.public_key
    role = {"name": "claimed-a", "keyids": [key.keyid], "threshold": 1, "paths": ["a*/*"], "terminating": False}
    signed["delegations"] = {"keys": {key.keyid: key.to_dict()}, "roles": [role]}


def lacks_a_bin(signed: Json) -> None:
    """Leave out the explicit delegation to the last bin."""
    signed["delegations"]["roles"].pop()


PAST = NOW - timedelta(seconds=1)
WIDER = replace(CEREMONY, bins=Bins(8))
EXPLICIT = replace(CEREMONY, bins=Bins(4, BinStyle.EXPLICIT))
STRANGE = replace(CEREMONY, index_id="another")
NEW_TARGETS_KEYS = CEREMONY.with_new_keys(TARGETS)
REFUSED: dict[str, tuple[str, Callable[[], Made]]] = {
    "no JSON": ("malformed", lambda: [raw(TARGETS, b"[}")]),
    "no metadata": ("malformed", lambda: [raw(TARGETS, b'{"signed": {}}')]),
    "a timestamp": ("malformed", lambda: [changed(TARGETS, 2, lambda signed: signed.update(_type="timestamp"))]),
    "targets that say they are root": (
        "malformed",
        lambda: [changed(TARGETS, 2, lambda signed: signed[EXTENSION].update(role=ROOT))],
    ),
    "an index that is no name": (
        "malformed",
        lambda: [changed(TARGETS, 2, lambda signed: signed[EXTENSION].update(index=1))],
    ),
    "an online role": (
        "not-offline",
        lambda: [changed(TARGETS, 2, lambda signed: signed[EXTENSION].update(role="bin-0"))],
    ),
    "a huge one": ("too-large", lambda: [raw(TARGETS, b" " * 5_000_001)]),
    "a root that no client reads": (
        "too-large",
        lambda: [changed(ROOT, 2, lambda signed: signed.update({"x-long": "x" * 512_000}))],
    ),
    "one role twice": ("role-twice", lambda: [CEREMONY.document(TARGETS, 2), CEREMONY.document(TARGETS, 3)]),
    "one root twice": ("role-twice", lambda: [CEREMONY.document(ROOT, 2)] * 2),
    "another index": ("wrong-index", lambda: [STRANGE.document(TARGETS, 2)]),
    "a root of another index": ("wrong-index", lambda: [STRANGE.document(ROOT, 2)]),
    "targets with targets": (
        "wrong-shape",
        lambda: [
            changed(
                TARGETS, 2, lambda signed: signed["targets"].update({"a/b": target_entry(sha256="a" * 64, length=1)})
            )
        ],
    ),
    "a terminating delegation": (
        "wrong-shape",
        lambda: [changed(TARGETS, 2, lambda signed: signed["delegations"]["roles"][0].update(terminating=True))],
    ),
    "the same root": ("root-version", lambda: [CEREMONY.document(ROOT, 1)]),
    "a root too many": ("root-version", lambda: [CEREMONY.document(ROOT, 3)]),
    "a gap between roots": ("root-version", lambda: [CEREMONY.document(ROOT, 2), CEREMONY.document(ROOT, 4)]),
    "the same targets": ("not-newer", lambda: [CEREMONY.document(TARGETS, 1)]),
    "one holder of two": ("not-signed", lambda: [signed_by(TARGETS, 2, 1)]),
    "claimed, one holder of two": ("not-signed", lambda: [signed_by(CLAIMED, 2, 1)]),
    "a root that its keys did not sign": ("not-signed", lambda: [signed_by(ROOT, 2, 1)]),
    "a root that the old keys did not sign": (
        "not-signed",
        lambda: [CEREMONY.with_new_keys(ROOT).document(ROOT, 2)],
    ),
    "a root that the new keys did not sign": (
        "not-signed",
        lambda: [sign_document(CEREMONY.with_new_keys(ROOT).signed(ROOT, 2), CEREMONY.holders[ROOT])],
    ),
    "a root that names other keys for targets, alone": (
        "not-signed",
        lambda: [NEW_TARGETS_KEYS.document(ROOT, 2)],
    ),
    "an expired root": ("expired", lambda: [CEREMONY.document(ROOT, 2, expires=PAST)]),
    "expired claimed": ("expired", lambda: [CEREMONY.document(CLAIMED, 2, expires=PAST)]),
    "a development root": (
        "development-root",
        lambda: [sign_document(replace(CEREMONY, development=True).signed(ROOT, 2), CEREMONY.holders[ROOT])],
    ),
    "a root without consistent snapshots": (
        "development-root",
        lambda: [changed(ROOT, 2, lambda signed: signed.update(consistent_snapshot=False))],
    ),
    "three of four bins": ("wrong-shape", lambda: [changed(UNCLAIMED, 2, lacks_a_bin, ceremony=EXPLICIT)]),
    "a holder's name that is too long": (
        "wrong-shape",
        lambda: [changed(ROOT, 2, lambda signed: signed["x-indexsite"].update(holders={"0" * 64: "x" * 81}))],
    ),
    "a role that is not there": ("unknown-role", lambda: [changed(CLAIMED, 2, delegates)]),
    "one key under two ids": ("key-twice", lambda: [changed(ROOT, 2, twice)]),
    "the online key for targets": ("online-key-offline", lambda: [changed(ROOT, 2, swap)]),
    "no key for all online roles": ("online-key-missing", lambda: [changed(ROOT, 2, no_common_key)]),
    "two online signatures": (
        "online-key-missing",
        lambda: replace(CEREMONY, online=(ONLINE.public_key, OTHER.public_key), online_threshold=2).all(
            root=2, others=2
        ),
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_clients_would_refuse_is_refused_by_name(what: str) -> None:
    code, documents = REFUSED[what]
    with pytest.raises(DocumentRefusedError) as caught:
        check(documents())
    assert caught.value.code == code, caught.value


@pytest.mark.parametrize("role", [ROOT, TARGETS, CLAIMED, UNCLAIMED])
def test_a_later_version_of_each_role_is_taken(role: str) -> None:
    check([CEREMONY.document(role, 2)])


def test_a_greater_version_of_targets_and_two_roots_together_are_taken() -> None:
    check([CEREMONY.document(ROOT, 2), CEREMONY.document(ROOT, 3), CEREMONY.document(TARGETS, 9)])


def test_each_offline_role_may_change_its_keys_with_what_delegates_to_it() -> None:
    root = CEREMONY.with_new_keys(ROOT)
    check([root.document(ROOT, 2, also_by=CEREMONY.holders[ROOT])])
    check([NEW_TARGETS_KEYS.document(ROOT, 2), NEW_TARGETS_KEYS.document(TARGETS, 2)])
    claimed = CEREMONY.with_new_keys(CLAIMED)
    check([claimed.document(TARGETS, 2), claimed.document(CLAIMED, 2)])


def test_the_bins_may_be_of_another_number_or_style() -> None:
    for ceremony in (WIDER, EXPLICIT):
        check([ceremony.document(UNCLAIMED, 2)])
        check(ceremony.all(root=2, others=2), ground=DEVELOPED, begins_chain=True)
        check([CEREMONY.document(UNCLAIMED, 2)], ground=ground_of(ceremony.all()))


def test_the_online_key_may_change_with_all_that_name_it() -> None:
    changed_key = replace(CEREMONY, online=(OTHER.public_key,))
    check([changed_key.document(role, 2) for role in (ROOT, TARGETS, UNCLAIMED)])


def test_a_new_index_begins_with_all_four_documents() -> None:
    check(CEREMONY.all(), ground=Ground(), begins_chain=True)
    for left_out in (ROOT, TARGETS, CLAIMED, UNCLAIMED):
        with pytest.raises(DocumentRefusedError) as caught:
            check([each for each in CEREMONY.all() if each.role != left_out], ground=Ground(), begins_chain=True)
        assert (caught.value.code, caught.value.role) == ("role-missing", left_out)
    with pytest.raises(DocumentRefusedError) as caught:
        check([CEREMONY.document(TARGETS, 2)], ground=DEVELOPED, begins_chain=True)
    assert (caught.value.code, caught.value.role) == ("role-missing", ROOT)
    with pytest.raises(DocumentRefusedError, match="1 is next"):
        check(CEREMONY.all(root=2), ground=Ground(), begins_chain=True)


def test_a_development_index_moves_to_a_real_chain_and_only_so() -> None:
    check(CEREMONY.all(root=2, others=2), ground=DEVELOPED, begins_chain=True)
    refused = {
        "still-development": (CEREMONY.all(root=2, others=2), DEVELOPED, False),
        "real-already": (CEREMONY.all(root=2, others=2), GROUND, True),
        "root-version": (CEREMONY.all(root=1, others=2), DEVELOPED, True),
        "not-newer": (CEREMONY.all(root=2, others=1), DEVELOPED, True),
        "wrong-index": (STRANGE.all(root=2, others=2), DEVELOPED, True),
        "development-root": (DEVELOPMENT.all(root=2, others=2), DEVELOPED, True),
        "development-key": (replace(DEVELOPMENT, development=False).all(root=2, others=2), DEVELOPED, True),
    }
    for code, (documents, ground, begins_chain) in refused.items():
        with pytest.raises(DocumentRefusedError) as caught:
            check(documents, ground=ground, begins_chain=begins_chain)
        assert caught.value.code == code, caught.value


def timestamp_by(signer_of: Ceremony) -> bytes:
    signer = {ONLINE.public_key.keyid: ONLINE, OTHER.public_key.keyid: OTHER}[signer_of.online[0].keyid]
    snapshot = Document("snapshot", 1, b"{}")
    header = RoleHeader(TIMESTAMP, 1, NOW + timedelta(days=1), signer_of.index_id)
    return sign_document(timestamp_signed(header, snapshot), [signer]).content


def test_a_chain_begins_at_the_root_that_the_one_before_did_not_sign() -> None:
    old = [DEVELOPMENT.document(ROOT, version).content for version in (1, 2)]
    moved = replace(CEREMONY, online=(OTHER.public_key,))
    real = [moved.document(ROOT, version).content for version in (3, 4)]
    roots = [*old, *real]
    assert [follows(*pair) for pair in pairwise(roots)] == [True, False, True]
    assert roots_in_force(roots, timestamp_by(moved)) == tuple(real)
    assert roots_in_force(roots[:3], timestamp_by(moved)) == (real[0],)


def test_a_root_is_in_force_from_the_first_timestamp_that_its_keys_signed() -> None:
    old = [DEVELOPMENT.document(ROOT, version).content for version in (1, 2)]
    moved = replace(CEREMONY, online=(OTHER.public_key,))
    assert roots_in_force([*old, moved.document(ROOT, 3).content], timestamp_by(DEVELOPMENT)) == tuple(old)
    assert roots_in_force(old, timestamp_by(moved)) == ()
