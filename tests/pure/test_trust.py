"""What the page of trust says of roles and their ends, over values."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner

from indexsite.trust_page import time_left
from indexsite_client.protocol import (
    BIN_PREFIX,
    CLAIMED,
    EXTENSION,
    HOLDERS,
    RECENTLY_CLAIMED,
    ROOT,
    SNAPSHOT,
    TARGETS,
    TIMESTAMP,
    UNCLAIMED,
    Bins,
    BinStyle,
    RoleHeader,
    offline_signed,
    targets_signed,
)
from tufsigning.core.documents import role_keys, sign_document, sign_snapshot, timestamp_signed
from tufsigning.core.publication import Current
from tufsigning.core.snapshots import SnapshotEntries
from tufsigning.core.tree import KeyFacts, RoleFacts, describe_roles
from tufsigning.trust import Trust

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
ONLINE, *OFFLINE = (CryptoSigner(Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32)) for n in range(4))
KEY = KeyFacts("a" * 64, "ed25519")


def header(role: str, version: int = 1) -> RoleHeader:
    return RoleHeader(role, version, NOW + timedelta(days=version), "index")


def current(count: int, style: BinStyle = BinStyle.SUCCINCT) -> Current:
    """A publication whose root names two holders, with a bin more recent than the others."""
    offline, online = role_keys([each.public_key for each in OFFLINE], 2), role_keys([ONLINE.public_key], 1)
    keys = dict.fromkeys([ROOT, TARGETS, CLAIMED, UNCLAIMED], offline)
    keys |= dict.fromkeys([TIMESTAMP, SNAPSHOT, RECENTLY_CLAIMED, BIN_PREFIX], online)
    signed = {
        role: offline_signed(header(role), keys, bins=Bins(count, style), development=False)
        for role in (ROOT, TARGETS, CLAIMED, UNCLAIMED)
    }
    signed[RECENTLY_CLAIMED] = targets_signed(
        header(RECENTLY_CLAIMED, 3), targets={}, delegations={"keys": {}, "roles": []}
    )
    ann, bob = (OFFLINE[n].public_key.keyid for n in (0, 1))
    signed[ROOT][EXTENSION][HOLDERS] = {ann: "Ann", bob: "Bob"}
    contents = {role: sign_document(part, [ONLINE]).content for role, part in signed.items()}
    entries = {role: {"version": 7, "length": 1} for role in Bins(count).names()}
    entries[Bins(count).names()[1]]["version"] = 8
    snapshot = sign_snapshot(header(SNAPSHOT, 8), SnapshotEntries.of(entries), [ONLINE])
    timestamp = sign_document(timestamp_signed(header(TIMESTAMP, 9), snapshot), [ONLINE])
    root = contents.pop(ROOT)
    return Current((root,), timestamp.content, snapshot.content, contents, SnapshotEntries.of(entries))


def test_the_tree_names_each_role_below_its_delegator_with_its_keys() -> None:
    roles = describe_roles(current(16))
    assert [(each.name, each.delegator, each.depth, each.is_online, each.version, each.count) for each in roles] == [
        ("root", "", 0, False, 1, 1),
        ("timestamp", "root", 1, True, 9, 1),
        ("snapshot", "root", 1, True, 8, 1),
        ("targets", "root", 1, False, 1, 1),
        ("claimed", "targets", 2, False, 1, 1),
        ("recently-claimed", "targets", 2, True, 3, 1),
        ("unclaimed", "targets", 2, False, 1, 1),
        ("bin", "unclaimed", 3, True, 8, 16),
    ]
    root = roles[0]
    assert (root.threshold, [key.holder for key in root.keys]) == (2, ["Ann", "Bob", ""])
    assert {key.kind for key in root.keys} == {"ed25519"}


def test_the_tree_is_the_same_with_explicit_bins_and_counts_no_bin_that_is_gone() -> None:
    succinct, explicit = current(16), current(16, BinStyle.EXPLICIT)
    assert [replace(role, version=0) for role in describe_roles(explicit)] == [
        replace(role, version=0) for role in describe_roles(succinct)
    ]
    gone = replace(succinct, entries=succinct.entries.updated({"bin-00": {"version": 99, "length": 1}}))
    assert describe_roles(gone) == describe_roles(succinct)
    assert "bin-00" not in gone.roles()


def trust(*roles: RoleFacts, is_development: bool = False) -> Trust:
    return Trust("index", 1, is_development, 1, "f" * 64, roles, None)


def role(name: str, days: float, *, is_online: bool) -> RoleFacts:
    return RoleFacts(name, "root", 1, is_online, 1, (KEY,), 1, NOW + timedelta(days=days))


@pytest.mark.parametrize(
    ("days", "is_online", "is_development", "codes"),
    [
        (61, False, False, []),
        (60, False, False, ["role-expiring"]),
        (3, False, False, ["role-expiring"]),
        (0, False, False, ["role-expired"]),
        (3, True, False, []),
        (0, True, False, ["role-expired"]),
        (3, False, True, ["development"]),
        (-1, False, True, ["development", "role-expired"]),
    ],
)
def test_people_are_warned_of_what_they_must_renew_and_of_what_is_over(
    days: float, is_online: bool, is_development: bool, codes: list[str]
) -> None:
    found = trust(role("targets", days, is_online=is_online), is_development=is_development).warned(NOW)
    assert [each.code for each in found] == codes


def test_a_role_whose_end_nobody_knows_is_no_reason_for_a_warning() -> None:
    unknown = replace(role("bin", 1, is_online=True), expires=None)
    assert trust(unknown).warned(NOW) == ()
    assert time_left(None, now=NOW) == "not known"


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (timedelta(days=364, hours=3), "364 days left"),
        (timedelta(days=1, hours=5), "29 h left"),
        (timedelta(minutes=10), "0 h left"),
        (timedelta(0), "expired 0 h ago"),
        (timedelta(days=-3), "expired 3 days ago"),
    ],
)
def test_time_left_is_said_as_exactly_as_anybody_plans(left: timedelta, words: str) -> None:
    assert time_left(NOW + left, now=NOW) == words
