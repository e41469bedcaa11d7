"""Private keys: made into sealed files, opened from them, or reached on a token or service by a signer URI."""

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    load_pem_public_key,
)
from securesystemslib.exceptions import UnsupportedLibraryError, UnverifiedSignatureError
from securesystemslib.signer import CryptoSigner, HSMSigner, Signer, SSlibKey

from indexsite_client.ceremony.errors import CeremonyFolderError, KeyRefusedError, PassphraseError
from indexsite_client.ceremony.keys import FILE, PublicKey, check_uri
from indexsite_client.ceremony.sealing import Secrets, open_sealed, seal
from indexsite_client.protocol import Json
from indexsite_client.protocol.envelope import MAX_LENGTH
from indexsite_client.trusted import data_folder, make_private

_HSM = "hsm:"


def key_folder() -> Path:
    """Where key files lie unless told otherwise: of this user, and in no folder that goes around."""
    return data_folder() / "ceremony-keys"


def make_key_file(name: str, *, path: Path | None, secrets: Secrets) -> tuple[PublicKey, Path]:
    """A new Ed25519 key in a file sealed under a passphrase, readable by its owner only. No file is overwritten."""
    private = Ed25519PrivateKey.generate()
    signer = CryptoSigner(private)
    target = path or key_folder() / f"{name}-{signer.public_key.keyid[:8]}.key"
    if target.exists():
        raise KeyRefusedError(f"{target} exists; a key file is never overwritten. Name another one with --file.")
    der = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    write_private(target, seal(der, secrets("passphrase")))
    return PublicKey(signer.public_key.to_dict(), FILE + target.name), target


def one_time_signer() -> CryptoSigner:
    """A key that is in memory only, and gone with the process."""
    return CryptoSigner(Ed25519PrivateKey.generate())


def import_public_key(uri: str, *, public: Path | None, secrets: Secrets) -> PublicKey:
    """The public part of a key that was made elsewhere: from a PEM file, or read from the token of an `hsm:` URI."""
    check_uri(uri)
    try:
        if public is not None:
            return PublicKey(SSlibKey.from_crypto(load_pem_public_key(_read(public))).to_dict(), uri)
        if not uri.startswith(_HSM):
            raise KeyRefusedError("Give the public key, a PEM file, with --public FILE.")
        number, _, query = uri.removeprefix(_HSM).partition("?")
        label = query.removeprefix("label=").replace("+", " ") or None
        found, key = HSMSigner.import_(int(number) if number else None, label, secrets)
        return PublicKey(key.to_dict(), found)
    except (KeyRefusedError, PassphraseError):
        raise
    except Exception as error:  # PKCS#11 modules raise whatever they like
        raise _fault(uri, error) from error


def load_signer(key: PublicKey, *, place: str, secrets: Secrets) -> Signer:
    """The signer of a public key; `place` says where its private part lies, where that is not where the key says.

    Raises KeyRefusedError where it is another key's, PassphraseError, CeremonyFolderError.
    """
    uri = place if place.partition(":")[0] + ":" in ("hsm:", "awskms:", "gcpkms:", "azurekms:", "hv:") else ""
    if not place and not key.uri.startswith(FILE):
        uri = key.uri
    try:
        signer = _from_uri(uri, key, secrets) if uri else _from_file(_key_file(key, place), key, secrets)
    except (KeyRefusedError, PassphraseError, CeremonyFolderError):
        raise
    except Exception as error:  # as above
        raise _fault(uri or FILE, error) from error
    return signer


def has_key_file(key: PublicKey) -> bool:
    """Whether the key's file lies where it was made."""
    return key.uri.startswith(FILE) and _key_file(key, "").is_file()


def sign_payload(signer: Signer, payload: bytes) -> Json:
    """The signature, after a check that it is one of the key that it should be of; raises KeyRefusedError."""
    try:
        signature = signer.sign(payload)
        signer.public_key.verify_signature(signature, payload)
    except UnverifiedSignatureError as error:
        raise KeyRefusedError(
            f"What answered has another key than {signer.public_key.keyid[:8]}; look at the token and its label."
        ) from error
    except PassphraseError:
        raise
    except Exception as error:  # as above
        raise _fault(_HSM, error) from error
    said: Json = signature.to_dict()
    return said


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner reads, and that was not there before."""
    make_private(path.parent)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise CeremonyFolderError(f"{path} cannot be written: {error.strerror}.") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _key_file(key: PublicKey, place: str) -> Path:
    return Path(place.removeprefix(FILE)) if place else key_folder() / Path(key.uri.removeprefix(FILE)).name


def _from_file(path: Path, key: PublicKey, secrets: Secrets) -> Signer:
    if not path.is_file():
        raise KeyRefusedError(f"The key file {path} is not here; say where it is with --key FILE.")
    private = load_der_private_key(open_sealed(_read(path), secrets(f"passphrase of {path.name}")), password=None)
    signer = CryptoSigner(private)
    if signer.public_key.keyid != key.keyid:
        raise KeyRefusedError(
            f"{path} holds the key {signer.public_key.keyid[:8]}, not {key.keyid[:8]}; name the right file with --key."
        )
    return signer


def _from_uri(uri: str, key: PublicKey, secrets: Secrets) -> Signer:
    return Signer.from_priv_key_uri(uri, key.to_tuf(), secrets)


def _read(path: Path) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(MAX_LENGTH + 1)
    except OSError as error:
        raise CeremonyFolderError(f"{path} cannot be read: {error.strerror}.") from error


def _fault(uri: str, error: Exception) -> KeyRefusedError:
    """Without the rest of the URI, which may name a secret."""
    advice = ""
    if uri.startswith(_HSM) and isinstance(error, UnsupportedLibraryError):
        advice = " Install 'indexsite-client[hsm]'."
    elif uri.startswith(_HSM) and not os.environ.get("PYKCS11LIB"):
        advice = " Set PYKCS11LIB to the PKCS#11 module."
    said = f"{type(error).__name__}: {error}".rstrip(": ")
    return KeyRefusedError(f"The key ({uri.partition(':')[0]}:…) cannot be used: {said}.{advice}")
