"""Signers of the online key: from a key file, plain or encrypted, or by a signer URI of securesystemslib."""

import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key
from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import CryptoSigner, Key, Signature, Signer

from indexsite_client.protocol.envelope import KEY_LENGTH, MAX_LENGTH, EnvelopeError, is_envelope, read_envelope
from tufsigning.errors import OnlineKeyError

Secrets = Callable[[str], str]  # by the name of what is asked for
_TELLING = 5  # characters from which a part of a URI says something
_PROBE = b"indexsite: is this the key that root names?"


def load_file(path: Path, secrets: Secrets) -> CryptoSigner:
    """An Ed25519 key from a PEM file, or from an envelope under a passphrase; raises OnlineKeyError."""
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_LENGTH + 1)
        key = _open_envelope(data, secrets) if is_envelope(data) else load_pem_private_key(data, password=None)
    except (OSError, ValueError, TypeError) as error:
        raise OnlineKeyError(
            f"The online key (file:…) cannot be loaded: {error}. Put it back, or set INDEXSITE_ONLINE_KEY."
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise OnlineKeyError("The online key (file:…) is no Ed25519 key; other kinds are taken from hsm: and the like.")
    return CryptoSigner(key)


def load_from_uri(uri: str, trusted: Sequence[Key], secrets: Secrets) -> Signer | None:
    """The signer of a URI, with the one of the trusted keys that it really has; None where it has none of them.

    A URI says where a private key lies, not which it is: a probe is signed to find out. Raises OnlineKeyError.
    """
    hidden = {part for part in re.split(r"[/?&=:@]", uri.partition(":")[2]) if len(part) >= _TELLING}

    def ask(name: str) -> str:
        secret = secrets(name)
        hidden.add(secret)
        return secret

    for key in trusted:
        try:
            signer = _NamedFaults(Signer.from_priv_key_uri(uri, key, ask), uri, hidden)
            key.verify_signature(signer.sign(_PROBE), _PROBE)
        except UnverifiedSignatureError:
            continue
        except OnlineKeyError:
            raise
        except Exception as error:  # securesystemslib: signers raise whatever their device or service raises
            raise _fault(uri, error, hidden) from None
        return signer
    return None


class _NamedFaults(Signer):
    """A signer whose device or service may be away: whatever it raises becomes an OnlineKeyError."""

    def __init__(self, inner: Signer, uri: str, hidden: Iterable[str] = ()) -> None:
        self._inner, self._uri, self._hidden = inner, uri, hidden

    @property
    def public_key(self) -> Key:
        """Of the signer inside."""
        return self._inner.public_key

    @classmethod
    def from_priv_key_uri(cls, priv_key_uri: str, public_key: Key, secrets_handler: Secrets | None = None) -> Signer:
        """The same as of any signer."""
        return cls(Signer.from_priv_key_uri(priv_key_uri, public_key, secrets_handler), priv_key_uri)

    def sign(self, payload: bytes) -> Signature:
        """Raises OnlineKeyError."""
        try:
            return self._inner.sign(payload)
        except OnlineKeyError:
            raise
        except Exception as error:  # as above
            raise _fault(self._uri, error, self._hidden) from None


def _open_envelope(data: bytes, secrets: Secrets) -> object:
    try:
        envelope = read_envelope(data)
        passphrase = secrets("passphrase").encode()
        kdf = Argon2id(
            salt=envelope.salt,
            length=KEY_LENGTH,
            iterations=envelope.iterations,
            lanes=envelope.lanes,
            memory_cost=envelope.memory,
        )
        opened = AESGCM(kdf.derive(passphrase)).decrypt(envelope.nonce, envelope.ciphertext, envelope.authenticated())
    except InvalidTag:
        raise OnlineKeyError(
            "The online key (file:…) does not open: the passphrase is another one, or the file was changed."
        ) from None
    except EnvelopeError as error:
        raise OnlineKeyError(f"The online key (file:…) cannot be loaded. {error}") from error
    return load_der_private_key(opened, password=None)


def _fault(uri: str, error: Exception, hidden: Iterable[str]) -> OnlineKeyError:
    """Without the rest of the URI, and without the error's text where that repeats something that is hidden."""
    scheme = uri.partition(":")[0]
    repeats = any(part in str(error) for part in hidden)
    said = f"{type(error).__name__}: {'(its text names the key)' if repeats else error}".rstrip(": ")
    advice = " Set PYKCS11LIB to the PKCS#11 module." if scheme == "hsm" and not os.environ.get("PYKCS11LIB") else ""
    return OnlineKeyError(f"The online key ({scheme}:…) cannot be used: {said}.{advice}")
