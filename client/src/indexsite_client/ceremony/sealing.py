"""Sealing under a passphrase: private keys, and whole archives, in the envelope of `protocol.envelope`."""

import json
import os
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from indexsite_client.ceremony.errors import CeremonyFolderError, PassphraseError
from indexsite_client.protocol import ProtocolError
from indexsite_client.protocol.envelope import (
    KEY_LENGTH,
    NONCE_LENGTH,
    SALT_LENGTH,
    Envelope,
    read_envelope,
)

Secrets = Callable[[str], str]  # by the name of what is asked for
SHORTEST = 12  # characters of a passphrase
MOST_ARCHIVED = 64 * 1024 * 1024  # bytes
_MEMORY, _ITERATIONS, _LANES = 128 * 1024, 3, 4  # KiB; 0.3 s, and as much for each guess of a thief
_ARCHIVE = b"indexsite-ceremony-archive 1\n"


def seal(secret: bytes, passphrase: str) -> bytes:
    """The envelope of a short secret; raises PassphraseError where the passphrase is too short to protect it."""
    if len(passphrase) < SHORTEST:
        raise PassphraseError(f"The passphrase is too short: take {SHORTEST} characters or more, such as six words.")
    empty = Envelope(os.urandom(SALT_LENGTH), _MEMORY, _ITERATIONS, _LANES, os.urandom(NONCE_LENGTH))
    ciphertext = AESGCM(_derive(empty, passphrase)).encrypt(empty.nonce, secret, empty.authenticated())
    return Envelope(empty.salt, empty.memory, empty.iterations, empty.lanes, empty.nonce, ciphertext).write()


def open_sealed(data: bytes, passphrase: str) -> bytes:
    """What is in an envelope; raises CeremonyFolderError or PassphraseError."""
    try:
        envelope = read_envelope(data)
    except ProtocolError as error:
        raise CeremonyFolderError(str(error)) from error
    try:
        return AESGCM(_derive(envelope, passphrase)).decrypt(
            envelope.nonce, envelope.ciphertext, envelope.authenticated()
        )
    except InvalidTag:
        raise PassphraseError("It does not open: the passphrase is another one, or the file was changed.") from None


def seal_archive(content: bytes, passphrase: str) -> bytes:
    """An archive: the envelope of a key made for it, and the content under that key."""
    key, nonce = AESGCM.generate_key(KEY_LENGTH * 8), os.urandom(NONCE_LENGTH)
    header = json.dumps(json.loads(seal(key, passphrase))).encode()
    return _ARCHIVE + header + b"\n" + nonce + AESGCM(key).encrypt(nonce, content, header)


def open_archive(data: bytes, passphrase: str) -> bytes:
    """The content of an archive; raises CeremonyFolderError or PassphraseError."""
    if not data.startswith(_ARCHIVE) or len(data) > MOST_ARCHIVED:
        raise CeremonyFolderError("The file is no archive that `indexsite ceremony export` has written.")
    header, _, rest = data.removeprefix(_ARCHIVE).partition(b"\n")
    key = open_sealed(header, passphrase)
    try:
        return AESGCM(key).decrypt(rest[:NONCE_LENGTH], rest[NONCE_LENGTH:], header)
    except (InvalidTag, ValueError):
        raise CeremonyFolderError("The archive was changed or cut off; take another copy.") from None


def _derive(envelope: Envelope, passphrase: str) -> bytes:
    kdf = Argon2id(
        salt=envelope.salt,
        length=KEY_LENGTH,
        iterations=envelope.iterations,
        lanes=envelope.lanes,
        memory_cost=envelope.memory,
    )
    return kdf.derive(passphrase.encode())
