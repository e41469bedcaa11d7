"""Keys of a ceremony: made, imported, and refused by name."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from client.tests.ceremonies import PASSPHRASE, Desk
from indexsite_client.ceremony.errors import (
    CeremonyError,
    CeremonyFolderError,
    CeremonyPlanError,
    KeyRefusedError,
    KeyTwiceError,
    PassphraseError,
)
from indexsite_client.ceremony.sealing import open_sealed, seal
from indexsite_client.errors import UsageError
from indexsite_client.protocol import key_id


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
