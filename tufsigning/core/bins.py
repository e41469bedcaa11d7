"""Hash bins of the role `unclaimed` (TAP 15): which bin a target path belongs to."""

import hashlib

from indexsite_client.protocol import BIN_PREFIX


def bin_names(bit_length: int) -> list[str]:
    """Every bin, in order."""
    return [_name(number, bit_length) for number in range(1 << bit_length)]


def bin_of(target_path: str, *, bit_length: int) -> str:
    """The bin of a target path: the first bits of its SHA-256."""
    digest = hashlib.sha256(target_path.encode()).digest()
    return _name(int.from_bytes(digest[:4], "big") >> (32 - bit_length), bit_length)


def _name(number: int, bit_length: int) -> str:
    digits = (bit_length + 3) // 4
    return f"{BIN_PREFIX}-{number:0{digits}x}"
