"""The text of API tokens: made, recognised, digested. Pure but for the randomness it is given."""

import hashlib
import zlib

PREFIX = "ixs_"
RANDOM_BYTES = 32
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM_LENGTH, _CHECKSUM_LENGTH = 43, 6
LENGTH = len(PREFIX) + _RANDOM_LENGTH + _CHECKSUM_LENGTH


def token_text(random: bytes) -> str:
    """The token made of 32 random bytes: prefix, the bytes in base 62, and a CRC-32 that catches mistyping."""
    if len(random) != RANDOM_BYTES:
        raise ValueError(f"a token is made of {RANDOM_BYTES} random bytes")
    body = PREFIX + _base62(int.from_bytes(random, "big"), _RANDOM_LENGTH)
    return body + _checksum(body)


def is_token_text(text: str) -> bool:
    """Whether the text can be a token at all: an answer without asking the database."""
    if len(text) != LENGTH or not text.startswith(PREFIX) or not text.isascii():
        return False
    return _checksum(text[:-_CHECKSUM_LENGTH]) == text[-_CHECKSUM_LENGTH:]


def token_digest(text: str) -> str:
    """What is stored of a token: its SHA-256 in hexadecimal. The text has 256 random bits, so no salt is needed."""
    return hashlib.sha256(text.encode()).hexdigest()


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), _CHECKSUM_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, remainder = divmod(number, 62)
        digits.append(_ALPHABET[remainder])
    return "".join(reversed(digits))
