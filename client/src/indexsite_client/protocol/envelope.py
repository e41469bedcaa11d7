"""The envelope of an encrypted private key: a JSON file around PKCS#8, sealed under a passphrase.

Argon2id makes a key of the passphrase, AES-256-GCM seals the DER of the private key with it, and everything in the
file but the ciphertext is authenticated with it. Only the format is here, and the bounds of what is read; who seals and
opens brings the cryptography.
"""

import base64
import binascii
import json
from dataclasses import dataclass

from indexsite_client.protocol.names import ProtocolError
from indexsite_client.protocol.page import Json, canonical_json

FORMAT, VERSION = "indexsite-key", 1
LEAST_MEMORY, MOST_MEMORY = 64 * 1024, 1024 * 1024  # KiB
MOST_ITERATIONS, MOST_LANES = 32, 16
SALT_LENGTH, NONCE_LENGTH, KEY_LENGTH = 16, 12, 32  # bytes
MAX_LENGTH = 64 * 1024  # bytes of the file


class EnvelopeError(ProtocolError):
    """A file that is no envelope of ours, or whose parameters are out of bounds."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """Parameters and ciphertext. `memory` is in KiB."""

    salt: bytes
    memory: int
    iterations: int
    lanes: int
    nonce: bytes
    ciphertext: bytes = b""

    def header(self) -> Json:
        """Everything but the ciphertext."""
        kdf = {"name": "argon2id", "memory": self.memory, "iterations": self.iterations, "lanes": self.lanes}
        return {
            "format": FORMAT,
            "version": VERSION,
            "kdf": {**kdf, "salt": _text(self.salt)},
            "cipher": {"name": "aes-256-gcm", "nonce": _text(self.nonce)},
        }

    def authenticated(self) -> bytes:
        """What is authenticated beside the ciphertext."""
        return canonical_json(self.header())

    def write(self) -> bytes:
        """The file."""
        return json.dumps({**self.header(), "ciphertext": _text(self.ciphertext)}, indent=1).encode() + b"\n"


def is_envelope(data: bytes) -> bool:
    """Whether a key file is JSON, and so no PEM."""
    return data.lstrip()[:1] == b"{"


def read_envelope(data: bytes) -> Envelope:
    """Read a file; raises EnvelopeError. Whoever could change it makes nobody use more memory or time than the bounds.

    A derivation that is too weak is refused too: it would give the passphrase away to whoever copies the file.
    """
    try:
        if len(data) > MAX_LENGTH:
            raise ValueError(f"it is longer than {MAX_LENGTH} bytes")
        said = json.loads(data)
        kdf, cipher = said["kdf"], said["cipher"]
        envelope = Envelope(
            salt=_bytes(kdf["salt"]),
            memory=_number(kdf["memory"], LEAST_MEMORY, MOST_MEMORY),
            iterations=_number(kdf["iterations"], 1, MOST_ITERATIONS),
            lanes=_number(kdf["lanes"], 1, MOST_LANES),
            nonce=_bytes(cipher["nonce"]),
            ciphertext=_bytes(said["ciphertext"]),
        )
        is_ours = {**said, "ciphertext": ""} == {**envelope.header(), "ciphertext": ""}
        is_sized = len(envelope.salt) == SALT_LENGTH and len(envelope.nonce) == NONCE_LENGTH
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise EnvelopeError(f"The key file is no envelope of an encrypted key: {error}") from error
    if not (is_ours and is_sized):
        raise EnvelopeError("The key file is an envelope of another format or version.")
    return envelope


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from error


def _number(value: object, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"{value!r} is not from {least} to {most}")
    return value
