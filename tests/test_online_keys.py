"""The online key by URI: an encrypted file, a PKCS#11 token, a service; and a key that root does not name."""

import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import psutil
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.utils import timezone
from pydantic import SecretStr
from pytest_django import Settings
from securesystemslib.signer import (
    SIGNER_FOR_URI_SCHEME,
    CryptoSigner,
    HSMSigner,
    Key,
    SecretsHandler,
    Signature,
    Signer,
)

from indexsite_client.protocol import Json
from indexsite_client.protocol.envelope import KEY_LENGTH, LEAST_MEMORY, Envelope, EnvelopeError, read_envelope
from storage.contract import TIMESTAMP, read_bytes
from tests.ceremonies import Ceremony, new_signer
from tests.conftest import NewIndex
from tests.databases import missing_part
from tests.distributions import wheel
from tests.parts import part_of
from tests.test_publishers import add_file, listed
from tests.test_publishers import publisher as publisher  # a fixture
from tufsigning.core.documents import Document, read_signed
from tufsigning.core.offline import read_documents
from tufsigning.errors import OnlineKeyError
from tufsigning.importing import check_import, finish_import, take_documents
from tufsigning.keys import load_online_signers
from tufsigning.library import Library
from tufsigning.publisher import Publisher

PASSPHRASE = "correct horse battery staple"
Choose = Callable[..., None]


def sealed(key: Ed25519PrivateKey, passphrase: str = PASSPHRASE) -> Envelope:
    """A private key in an envelope."""
    empty = Envelope(os.urandom(16), LEAST_MEMORY, 1, 4, os.urandom(12))
    kdf = Argon2id(salt=empty.salt, length=KEY_LENGTH, iterations=1, lanes=4, memory_cost=LEAST_MEMORY)
    der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    cipher = AESGCM(kdf.derive(passphrase.encode()))
    return replace(empty, ciphertext=cipher.encrypt(empty.nonce, der, empty.authenticated()))


@pytest.fixture
def online(settings: Settings) -> Choose:
    """Chooses the online key and its passphrase."""

    def choose(uri: str, passphrase: str = "") -> None:
        settings.ONLINE_KEY, settings.ONLINE_KEY_PASSPHRASE = SecretStr(uri), SecretStr(passphrase)

    return choose


def refusal(*trusted: Key) -> str:
    with pytest.raises(OnlineKeyError) as caught:
        load_online_signers([trusted])
    assert PASSPHRASE not in str(caught.value)
    return str(caught.value)


def test_an_encrypted_key_file_opens_with_its_passphrase_only(online: Choose, tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    public, path = CryptoSigner(key).public_key, tmp_path / "online.key"
    path.write_bytes(sealed(key).write())
    online(f"file:{path}", PASSPHRASE)
    [signer] = load_online_signers([[public]])
    public.verify_signature(signer.sign(b"data"), b"data")
    online(f"file:{path}", "another one")
    assert "passphrase is another one, or the file was changed" in refusal(public)
    online(f"file:{path}")
    assert "set INDEXSITE_ONLINE_KEY_PASSPHRASE_FILE" in refusal(public)


def test_whoever_changes_an_envelope_is_noticed(online: Choose, tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    envelope, path = sealed(key), tmp_path / "online.key"
    online(f"file:{path}", PASSPHRASE)
    broken = bytes([envelope.ciphertext[0] ^ 1]) + envelope.ciphertext[1:]
    for changed in (replace(envelope, ciphertext=broken), replace(envelope, iterations=2)):
        path.write_bytes(changed.write())
        assert "the file was changed" in refusal(CryptoSigner(key).public_key)


@pytest.mark.parametrize(
    "change",
    [
        {"memory": LEAST_MEMORY - 1},  # too weak
        {"memory": 1024 * 1024 + 1},  # more than we give
        {"iterations": 33},
        {"iterations": 0},
        {"lanes": 17},
        {"salt": b"short"},
        {"nonce": b"short"},
    ],
)
def test_an_envelope_out_of_bounds_is_refused_before_anything_is_derived(change: Json) -> None:
    with pytest.raises(EnvelopeError):
        read_envelope(replace(sealed(Ed25519PrivateKey.generate()), **change).write())


@pytest.mark.parametrize("data", [b"{", b"{}", b"[" * 50_000, b'{"kdf": 1, "cipher": 2}', b" " * 70_000 + b"{}"])
def test_what_is_no_envelope_is_refused_by_name(data: bytes) -> None:
    with pytest.raises(EnvelopeError):
        read_envelope(data)


def test_a_key_that_root_does_not_name_is_refused_with_words(online: Choose, tmp_path: Path) -> None:
    path, named = tmp_path / "online.key", new_signer().public_key
    path.write_bytes(sealed(Ed25519PrivateKey.generate()).write())
    online(f"file:{path}", PASSPHRASE)
    assert f"is not the one that root names ({named.keyid[:8]})" in refusal(named)
    assert "none for all online roles" in refusal()


class StubService(Signer):
    """A key in a service, as securesystemslib's signers for KMS and Vault are one: the URI says where, not which."""

    SCHEME = "stubkms"
    held: ClassVar[CryptoSigner]
    fault: ClassVar[Exception | None] = None

    def __init__(self, public_key: Key) -> None:
        self._public_key = public_key

    @classmethod
    def from_priv_key_uri(
        cls, priv_key_uri: str, public_key: Key, secrets_handler: SecretsHandler | None = None
    ) -> "StubService":
        return cls(public_key)

    @property
    def public_key(self) -> Key:
        return self._public_key

    def sign(self, payload: bytes) -> Signature:
        if self.fault:
            raise self.fault
        return Signature(self._public_key.keyid, self.held.sign(payload).signature)


@pytest.fixture
def service() -> Iterator[type[StubService]]:
    StubService.held, StubService.fault = new_signer(), None
    SIGNER_FOR_URI_SCHEME[StubService.SCHEME] = StubService
    yield StubService
    del SIGNER_FOR_URI_SCHEME[StubService.SCHEME]


def test_a_service_is_asked_which_key_it_has(online: Choose, service: type[StubService]) -> None:
    online("stubkms:projects/p/keys/secret-name")
    held, other = service.held.public_key, new_signer().public_key
    [signer] = load_online_signers([[other, held]])
    assert signer.public_key == held
    assert "(stubkms:…) is not the one that root names" in refusal(other)


def test_a_service_that_fails_is_said_without_its_address(online: Choose, service: type[StubService]) -> None:
    online("stubkms:projects/p/keys/secret-name")
    [signer] = load_online_signers([[service.held.public_key]])
    service.fault = RuntimeError("quota exceeded")  # whatever a vendor's library raises
    with pytest.raises(OnlineKeyError, match=r"\(stubkms:…\) cannot be used: RuntimeError: quota exceeded"):
        signer.sign(b"data")
    said = refusal(service.held.public_key)
    assert "quota exceeded" in said
    assert "secret-name" not in said
    service.fault = RuntimeError("403 for https://kms.example/p/secret-name")
    assert "RuntimeError: (its text names the key)" in refusal(service.held.public_key)
    online("unheard-of:x")
    assert "Unsupported private key scheme" in refusal(service.held.public_key)


def move(publisher: Publisher, key: Key) -> Ceremony:
    """Move the development index of a publisher to a real ceremony that names this online key."""
    current, now = Library().current(), timezone.now()
    ceremony = Ceremony((key,), index_id=current.index_id)
    documents: list[Document] = ceremony.all(root=2, others=2)
    new = read_documents(document.content for document in documents)
    check_import(new, current=current, begins_chain=True, now=now)
    take_documents(new, begins_chain=True, now=now)
    assert finish_import(publisher, timezone.now)
    return ceremony


@pytest.mark.django_db
def test_an_index_publishes_with_a_key_in_a_service(
    publisher: Publisher, online: Choose, service: type[StubService]
) -> None:
    online("stubkms:key")
    move(publisher, service.held.public_key)
    file = add_file("demo")
    service.fault = ConnectionError("no route")
    before = read_bytes(TIMESTAMP, limit=16_000)
    with pytest.raises(OnlineKeyError, match="no route"):
        publisher.publish_waiting(timezone.now)
    assert read_bytes(TIMESTAMP, limit=16_000) == before
    service.fault = None
    assert publisher.publish_waiting(timezone.now) == 1
    assert listed("demo") == [file.filename]


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A SoftHSM token with a P-256 key; its PIN."""
    modules = [*Path("/usr/lib").glob("**/libsofthsm2.so"), *Path("/opt").glob("**/libsofthsm2.so")]
    if not modules:
        missing_part("SoftHSM (Debian's softhsm2)")
    try:
        import pkcs11
        from pkcs11.util.ec import encode_named_curve_parameters
    except ImportError:
        missing_part("python-pkcs11")
    (tmp_path / "tokens").mkdir()
    (tmp_path / "softhsm2.conf").write_text(f"directories.tokendir = {tmp_path / 'tokens'}\nlog.level = ERROR\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(tmp_path / "softhsm2.conf"))
    monkeypatch.setenv("PYKCS11LIB", str(modules[0]))
    command = ["softhsm2-util", "--init-token", "--free", "--label", "index", "--pin", "4711", "--so-pin", "4712"]
    subprocess.run(command, check=True, capture_output=True)
    module = pkcs11.lib(str(modules[0]))
    module.reinitialize()  # it has read another configuration, should a test before have used it
    with module.get_token(token_label="index").open(user_pin="4711", rw=True) as session:
        curve = encode_named_curve_parameters("secp256r1")
        parameters = session.create_domain_parameters(
            pkcs11.KeyType.EC, {pkcs11.Attribute.EC_PARAMS: curve}, local=True
        )
        parameters.generate_keypair(store=True, id=b"\x02", label="online")
    return "4711"


@pytest.mark.django_db
def test_an_index_publishes_with_a_key_on_a_pkcs11_token(publisher: Publisher, online: Choose, token: str) -> None:
    uri, key = HSMSigner.import_(token_label="index", secrets_handler=lambda name: token)
    online(uri, token)
    move(publisher, key)
    file = add_file("demo")
    assert publisher.publish_waiting(timezone.now) == 1
    assert listed("demo") == [file.filename]
    timestamp = read_bytes(TIMESTAMP, limit=16_000) or b""
    roots = Library().current().roots
    assert read_signed(roots[-1])["keys"][key.keyid]["scheme"] == "ecdsa-sha2-nistp256"
    assert key.keyid.encode() in timestamp
    online(uri, "0000")
    assert "(hsm:…) cannot be used" in refusal(key)
    online(uri)
    assert "asks for its pin" in refusal(key)


def test_only_the_worker_is_given_the_online_key(new_index: NewIndex, tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    (tmp_path / "online.key").write_bytes(sealed(key).write())
    (tmp_path / "passphrase").write_text(PASSPHRASE + "\n")
    settings = {
        "INDEXSITE_ONLINE_KEY": f"file:{tmp_path / 'online.key'}",
        "INDEXSITE_ONLINE_KEY_PASSPHRASE_FILE": str(tmp_path / "passphrase"),
        "INDEXSITE_BINS": "4",
    }
    index = new_index(**settings).start()
    assert index.post_upload(*wheel("sealed", "1.0"), token=index.token()).status == 200
    index.wait_until_listed("sealed", "sealed-1.0-py3-none-any.whl")

    def told(part: str) -> set[str]:
        process: psutil.Process = part_of(index, part)
        return {name for name in process.environ() if name.startswith(("INDEXSITE_ONLINE_KEY", "INDEXSITE_KEY_USE"))}

    assert told("web") == set()
    assert "INDEXSITE_ONLINE_KEY" in told("worker")
    assert PASSPHRASE not in index.log.read_text()
