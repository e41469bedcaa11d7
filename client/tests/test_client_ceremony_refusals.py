"""What the ceremony refuses, by name, and that a refusal leaves the folder as it was."""

import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from client.tests.ceremonies import PASSPHRASE, Desk
from client.tests.ceremony_fixtures import *  # noqa: F403
from indexsite_client.ceremony.errors import (
    CeremonyError,
    CeremonyFolderError,
    CeremonyPlanError,
    DraftError,
    KeyRefusedError,
    KeyTwiceError,
    MissingKeysError,
    NotExpectedError,
    PassphraseError,
)
from indexsite_client.ceremony.folder import Folder
from indexsite_client.ceremony.plan import Plan, RolePlan
from indexsite_client.ceremony.sealing import open_sealed, seal
from indexsite_client.ceremony.telling import describe_status
from indexsite_client.cli import commands
from indexsite_client.errors import UsageError
from indexsite_client.protocol import OFFLINE_ROLES, key_id

BAD_BEGINNINGS = {
    ("--holders", "alice"): "threshold of 2 with 1",
    ("--holders", "alice,alice,bob"): "named twice",
    ("--holders", "alice,Bob!"): "no name for a key holder",
    ("--holders", "alice,../bob"): "no name for a key holder",
    ("--holders", "alice,online"): "no name for a key holder",
    ("--holders", "alice,bob", "--bins", "100"): "cannot be 100 bins",
    ("--holders", "alice,bob", "--bins", "32768"): "cannot be 32768 bins",
    ("--holders", "alice,bob", "--bins", "1"): "cannot be 1 bins",
    ("--holders", "alice,bob", "--threshold", "root=0"): "threshold of 0",
    ("--holders", "alice,bob", "--threshold", "root=3"): "threshold of 3 with 2",
    ("--holders", "alice,bob", "--days", "root=0"): "last 0 days",
    ("--holders", "alice,bob", "--days", "root=1827"): "last 1827 days",
    ("--holders", ",".join(f"holder{number}" for number in range(51))): "51 key holders",
}
BAD_USAGE = {
    ("--threshold", "root=two"): "no number",
    ("--threshold", "snapshot=1"): "not ROLE=VALUE",
    ("--days", "root=-1"): "no number",
    ("--role", "root"): "not ROLE=VALUE",
}


@pytest.mark.parametrize(("options", "says"), BAD_BEGINNINGS.items(), ids=lambda each: str(each)[:50])
def test_a_plan_that_no_ceremony_can_have_is_refused(desk: Desk, options: tuple[str, ...], says: str) -> None:
    with pytest.raises(CeremonyPlanError, match=says):
        desk.run("init", *options)
    assert not (desk.folder / "ceremony.json").exists()


@pytest.mark.parametrize(("options", "says"), BAD_USAGE.items(), ids=str)
def test_an_option_that_is_none_is_a_wrong_usage(desk: Desk, options: tuple[str, ...], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        desk.run("init", "--holders", "alice,bob", *options)


def test_root_keys_cannot_be_discarded(desk: Desk) -> None:
    done = CliRunner().invoke(commands, ["ceremony", "init", str(desk.folder), "--discard", "root"])
    assert done.exit_code == 2


@given(st.integers(-2, 6), st.integers(0, 4), st.integers(-5, 2000))
def test_a_threshold_has_as_many_holders_or_more(threshold: int, holders: int, days: int) -> None:
    names = tuple(f"holder-{number}" for number in range(holders))
    role = RolePlan(threshold, days, names)
    if 1 <= threshold <= holders and 1 <= days <= 1826:
        assert Plan("an-index", dict.fromkeys(OFFLINE_ROLES, role)).holders == names
    else:
        with pytest.raises(CeremonyPlanError):
            Plan("an-index", dict.fromkeys(OFFLINE_ROLES, role))


def test_a_ceremony_begins_once(finished: Desk) -> None:
    with pytest.raises(CeremonyFolderError, match="has begun"):
        finished.begin()


# --- keys ---


def pem(key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey, path: Path) -> Path:
    path.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return path


@pytest.fixture
def begun(desk: Desk) -> Desk:
    return desk.begin()


def test_one_key_of_two_holders_is_refused(begun: Desk, tmp_path: Path) -> None:
    public = pem(ed25519.Ed25519PrivateKey.generate(), tmp_path / "key.pem")
    begun.run("key", "--holder", "alice", "--uri", "hv:alice", "--public", public)
    for other in (["--holder", "bob"], ["--online"]):
        with pytest.raises(KeyTwiceError, match="the same key"):
            begun.run("key", *other, "--uri", "hv:other", "--public", public)
    assert begun.names("keys") == {"alice.json"}


def test_a_key_under_another_id_or_in_another_form_is_refused(finished: Desk) -> None:
    path = finished.folder / "keys/alice.json"
    original = json.loads(path.read_bytes())
    louder = {**original["key"], "keyval": {"public": original["key"]["keyval"]["public"].upper()}}
    for changed in (
        {"keyid": "0" * 64},
        {"key": louder, "keyid": key_id(louder)},
        {"key": {**original["key"], "x": 1}, "keyid": key_id({**original["key"], "x": 1})},
        {"key": {**original["key"], "scheme": "rot13"}},
        {"uri": "file2:/etc/shadow"},
        {"holder": "bob"},
    ):
        path.write_text(json.dumps({**original, **changed}))
        with pytest.raises(CeremonyError, match="alice"):
            finished.run("status")


def test_a_document_that_names_one_key_under_two_ids_is_refused(drafted: Desk) -> None:
    path = drafted.folder / "drafts/1.root.json"
    said = json.loads(path.read_bytes())
    keyid, key = next(iter(said["signed"]["keys"].items()))
    said["signed"]["keys"]["0" * 64] = key
    path.write_text(json.dumps(said))
    with pytest.raises(KeyRefusedError, match=r"1\.root\.json: .* under the one id"):
        drafted.run("status")
    assert keyid != "0" * 64


def test_a_holder_has_one_key_until_it_is_replaced(finished: Desk) -> None:
    with pytest.raises(KeyRefusedError, match="--replace"):
        finished.make_keys("alice")
    with pytest.raises(CeremonyPlanError, match="holds no key"):
        finished.make_keys("mallory")
    with pytest.raises(UsageError):
        finished.run("key", "--online", "--holder", "alice")


def test_a_key_that_was_replaced_does_not_come_back(begun: Desk, tmp_path: Path) -> None:
    old, new = (pem(ed25519.Ed25519PrivateKey.generate(), tmp_path / name) for name in ("old", "new"))
    begun.run("key", "--holder", "alice", "--uri", "hv:alice", "--public", old)
    begun.run("key", "--holder", "alice", "--uri", "hv:alice", "--public", new, "--replace")
    with pytest.raises(KeyRefusedError, match="does not come back"):
        begun.run("key", "--holder", "alice", "--uri", "hv:alice", "--public", old, "--replace")


def test_a_key_file_is_never_overwritten(begun: Desk, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("mine")
    with pytest.raises(KeyRefusedError, match="never overwritten"):
        begun.run("key", "--holder", "alice", "--file", path, passphrase=True)
    assert path.read_text() == "mine"


def test_a_short_passphrase_is_refused_and_no_key_is_made(begun: Desk, tmp_path: Path) -> None:
    short = tmp_path / "short"
    short.write_text("elevenchars\n")
    with pytest.raises(PassphraseError, match="too short"):
        begun.run("key", "--holder", "alice", "--file", tmp_path / "key", "--passphrase-file", short)
    assert not (tmp_path / "key").exists()
    assert begun.names("keys") == set()


def test_what_is_sealed_opens_under_its_passphrase_and_unchanged_only() -> None:
    sealed = seal(b"secret", PASSPHRASE)
    assert open_sealed(sealed, PASSPHRASE) == b"secret"
    with pytest.raises(PassphraseError):
        open_sealed(sealed, PASSPHRASE + "!")
    for field, value in (("iterations", 4), ("memory", 65536), ("memory", 2**30), ("memory", 8)):
        said = json.loads(sealed)
        said["kdf"][field] = value
        with pytest.raises((PassphraseError, CeremonyFolderError)):
            open_sealed(json.dumps(said).encode(), PASSPHRASE)


def test_a_key_that_clients_verify_only_with_extensions_is_told(begun: Desk, tmp_path: Path) -> None:
    public = pem(ec.generate_private_key(ec.SECP256R1()), tmp_path / "key.pem")
    assert "compiled extensions" in begun.run("key", "--holder", "alice", "--uri", "hsm:2", "--public", public)
    assert begun.read("keys/alice.json")["uri"] == "hsm:2"
    with pytest.raises(KeyRefusedError, match="no kind of key"):
        begun.run("key", "--holder", "bob", "--uri", "ftp:2", "--public", public)
    with pytest.raises(KeyRefusedError, match="--public FILE"):
        begun.run("key", "--holder", "bob", "--uri", "awskms:2")


def test_a_curve_that_clients_do_not_verify_is_refused(begun: Desk, tmp_path: Path) -> None:
    public = pem(ec.generate_private_key(ec.SECP256K1()), tmp_path / "key.pem")
    with pytest.raises(KeyRefusedError):
        begun.run("key", "--holder", "alice", "--uri", "hsm:2", "--public", public)


# --- drafts and signatures ---


def test_drafting_names_whose_key_is_missing(begun: Desk) -> None:
    with pytest.raises(MissingKeysError, match="online, alice, bob, carol"):
        begun.run("draft")
    with pytest.raises(UsageError, match="no offline role"):
        begun.run("draft", "snapshot")


def test_nothing_is_signed_blindly(drafted: Desk) -> None:
    waiting = drafted.waiting("alice")
    assert len(waiting) == 4
    with pytest.raises(UsageError, match="blindly"):
        drafted.run("sign", "--as", "alice", "--yes", passphrase=True)
    with pytest.raises(NotExpectedError, match=r"--expect does not name 1\.unclaimed\.json"):
        drafted.run("sign", "--as", "alice", "--yes", *expecting(waiting[:3]), passphrase=True)
    with pytest.raises(NotExpectedError, match="no draft that waits"):
        drafted.run("sign", "--as", "alice", "--yes", *expecting([*waiting, "0" * 64]), passphrase=True)
    assert not any(drafted.read(f"drafts/{name}")["signatures"] for name in drafted.names("drafts"))

    drafted.run("sign", "--as", "alice", "--yes", *expecting(waiting), passphrase=True)
    assert all(len(drafted.read(f"drafts/{name}")["signatures"]) == 1 for name in drafted.names("drafts"))


def expecting(hashes: list[str]) -> list[str]:
    return [argument for each in hashes for argument in ("--expect", each)]


def test_no_is_no(drafted: Desk) -> None:
    drafted.run("sign", "--as", "alice", stdin="n\ny\nn\nn\n", passphrase=True)
    signed = {name for name in drafted.names("drafts") if drafted.read(f"drafts/{name}")["signatures"]}
    assert signed == {"1.targets.json"}


def test_a_holder_signs_once_and_only_what_they_hold(drafted: Desk) -> None:
    drafted.sign("carol")
    signed = {name for name in drafted.names("drafts") if drafted.read(f"drafts/{name}")["signatures"]}
    assert signed == {"1.root.json", "1.claimed.json"}
    assert "Nothing waits for carol" in drafted.sign("carol")
    with pytest.raises(CeremonyPlanError, match="'mallory' has no key here"):
        drafted.sign("mallory")


@pytest.mark.parametrize(
    ("field", "value"), [("delegations", {"keys": {}, "roles": []}), ("targets", {"demo/x": {}}), ("version", 7)]
)
def test_a_draft_that_clients_would_refuse_is_never_signed(drafted: Desk, field: str, value: object) -> None:
    path = drafted.folder / "drafts/1.targets.json"
    said = json.loads(path.read_bytes())
    said["signed"][field] = value
    path.write_text(json.dumps(said))
    with pytest.raises(DraftError, match=r"1\.targets\.json"):
        drafted.sign("alice")


def test_a_signature_over_something_else_does_not_count(drafted: Desk) -> None:
    drafted.sign("alice")
    path = drafted.folder / "drafts/1.root.json"
    said = json.loads(path.read_bytes())
    said["signed"]["expires"] = "2031-01-01T00:00:00Z"
    path.write_text(json.dumps(said))
    drafted.sign("bob")
    assert drafted.names("metadata") == set()
    assert "1 of 2 signatures needed" in drafted.run("status")


# --- the folder ---


def test_a_folder_that_is_none_is_named(desk: Desk) -> None:
    with pytest.raises(CeremonyFolderError, match="begin one with"):
        desk.run("status")


def test_what_lies_in_the_folder_is_bounded_and_regular(finished: Desk) -> None:
    root = finished.folder / "metadata/1.root.json"
    content = root.read_bytes()
    root.unlink()
    root.symlink_to("/dev/zero")
    with pytest.raises(CeremonyFolderError, match="no regular file"):
        finished.run("status")
    root.unlink()
    with open(root, "wb") as file:
        file.truncate(5_000_001)
    with pytest.raises(CeremonyFolderError, match="longer than any"):
        finished.run("status")
    for nonsense in (
        b"",
        b"[]",
        b"{",
        b"[" * 100_000,
        b'{"signed": 1}',
        content[:-9],
        b'{"signed":{},"signatures":[]}',
    ):
        root.write_bytes(nonsense)
        with pytest.raises(DraftError, match=r"1\.root\.json"):
            finished.run("status")


def test_the_status_says_what_expires_and_what_is_not_signed(finished: Desk) -> None:
    ceremony = Folder(finished.folder).load()
    later = datetime.now(UTC) + timedelta(days=80)
    assert any("9 days left, SOON" in line for line in describe_status(ceremony, now=later))
    assert "draft FOLDER claimed" in describe_status(ceremony, now=later)[-1]
    assert any("EXPIRED" in line for line in describe_status(ceremony, now=later + timedelta(days=20)))
    path = finished.folder / "metadata/1.claimed.json"
    said = json.loads(path.read_bytes())
    path.write_text(json.dumps({**said, "signatures": said["signatures"][:1]}))
    assert "NOT SIGNED" in finished.run("status")


def test_a_refusal_is_one_sentence_and_exit_code_1(desk: Desk) -> None:
    command = [sys.executable, "-m", "indexsite_client", "ceremony", "status", str(desk.folder)]
    assert os.spawnv(os.P_WAIT, sys.executable, command) == 1
