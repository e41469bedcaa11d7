"""What a signer is told of a document: whatever differs from the last version is said."""

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexsite_client import protocol
from indexsite_client.ceremony.changes import describe_changes
from indexsite_client.ceremony.documents import Document
from indexsite_client.protocol import Json, RoleHeader, RoleKeys

NOW = datetime(2027, 1, 1, 12, tzinfo=UTC)


def keys(*digits: str, threshold: int = 2) -> RoleKeys:
    made = [{"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": digit * 64}} for digit in digits]
    return RoleKeys({protocol.key_id(key): key for key in made}, threshold)


BY_ROLE = {
    "root": keys("a", "b", "c"),
    "targets": keys("a", "b"),
    "claimed": keys("a", "b", "c"),
    "unclaimed": keys("b", "c"),
    **dict.fromkeys(["timestamp", "snapshot", "recently-claimed", "bin"], keys("d", threshold=1)),
}


def document(
    role: str, by_role: dict[str, RoleKeys] = BY_ROLE, *, version: int = 1, development: bool = False
) -> Document:
    header = RoleHeader(role, version, NOW + timedelta(days=365), "an-index")
    signed = protocol.offline_signed(header, by_role, bins=protocol.Bins(16), development=development)
    if role == "root":
        protocol.name_holders(signed, {"0" * 64: "alice", "1" * 64: "bob"})
    return Document(signed)


def told(after: Document, before: Document | None) -> list[str]:
    return describe_changes(after, before, name=lambda keyid: f"key-{keyid[:4]}", now=NOW)


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:  # Any: any JSON value
    """The way to each value, and to each object or list that may gain something."""
    inner: list[tuple[str | int, ...]] = [path]
    for key, each in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        inner += leaves(each, (*path, key))
    return inner


def changed(signed: Json, path: tuple[str | int, ...]) -> Json:
    """The same with one leaf changed, or one more thing in an object or list."""
    copy = deepcopy(signed)
    place: Any = copy  # Any: JSON, walked
    for key in path[:-1]:
        place = place[key]
    value = place[path[-1]] if path else place
    if isinstance(value, dict):
        value["x"] = {"keyids": ["f" * 64], "threshold": 1} if path and path[-1] == "roles" else "new"
    elif isinstance(value, list):
        value.append({"name": "x", "keyids": [], "threshold": 1} if path[-1] == "roles" else "f" * 64)
    elif isinstance(value, str):
        place[path[-1]] = other_text(value)
    else:
        place[path[-1]] = not value if isinstance(value, bool) else int(value) + 1
    return copy


def other_text(value: str) -> str:
    return value.replace("2028", "2029") if "2028" in value else f"{value}x"


def can_be_read(path: tuple[str | int, ...]) -> bool:
    """Keys have the one id that is computed from them: no document with another gets as far as its signer."""
    return "keys" not in path or path[-1] == "keys"


CASES = [
    (role, path)
    for role in protocol.OFFLINE_ROLES
    for path in leaves(document(role).signed)
    if can_be_read(path) and path[-1:] != ("role",)
]


@pytest.mark.parametrize(("role", "path"), CASES, ids=str)
def test_nothing_changes_without_a_word(role: str, path: tuple[str | int, ...]) -> None:
    before = document(role)
    after = Document(changed(before.signed, path))
    assert told(after, before) != told(before, before)


@given(st.sampled_from(sorted(BY_ROLE)), st.sets(st.sampled_from("abcdef"), min_size=1), st.integers(1, 3))
def test_each_key_that_comes_or_goes_is_named(role: str, digits: set[str], threshold: int) -> None:
    after = {**BY_ROLE, role: keys(*sorted(digits), threshold=threshold)}
    delegator = "root" if role in protocol.TOP_LEVEL else "unclaimed" if role == "bin" else "targets"
    said = "\n".join(told(document(delegator, after, version=2), document(delegator)))
    for keyid in after[role].keys.keys() - BY_ROLE[role].keys.keys():
        assert f"new key, key-{keyid[:4]}" in said
    for keyid in BY_ROLE[role].keys.keys() - after[role].keys.keys():
        assert f"no more, key-{keyid[:4]}" in said
    if threshold != BY_ROLE[role].threshold:
        assert f"the threshold becomes {threshold}" in said


def test_a_renewal_says_no_more_than_version_and_expiry() -> None:
    assert told(document("targets", version=2), document("targets")) == [
        "targets: version 2 after 1.",
        "Expires 2028-01-01 12:00:00 UTC, in 365 days (the last one: 2028-01-01 12:00:00).",
    ]


def test_a_new_chain_is_said() -> None:
    assert any("pin it anew" in line for line in told(document("root"), document("root", development=True)))
    assert not any("pin it anew" in line for line in told(document("root"), document("root")))
