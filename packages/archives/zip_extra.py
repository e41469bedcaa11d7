"""Extra fields of zip headers: what may change a name or a size must not contradict the header. APPNOTE 4.5. Pure."""

import struct
from collections.abc import Sequence

_HEADER = struct.Struct("<2H")
_ZIP64, _UNICODE_PATH = 0x0001, 0x7075
_WIDE = 0xFFFFFFFF  # in a plain field: look into the ZIP64 one


def read_extra(extra: bytes) -> dict[int, bytes] | None:
    """The fields by their numbers; None where they are malformed, or one that matters comes twice."""
    found: dict[int, bytes] = {}
    while extra:
        if len(extra) < _HEADER.size:
            return None
        number, length = _HEADER.unpack_from(extra)
        end = _HEADER.size + length
        if end > len(extra) or (number in found and number in {_ZIP64, _UNICODE_PATH}):
            return None
        found[number], extra = extra[_HEADER.size : end], extra[end:]
    return found


def fault_of_extra(found: dict[int, bytes] | None, raw_name: bytes) -> str:
    """What is wrong with fields as they were read: malformed, or a second name for the member; else nothing."""
    if found is None:
        return "has a malformed extra field"
    if _UNICODE_PATH in found and found[_UNICODE_PATH][5:] != raw_name:
        return "has a second, other name in an extra field"
    return ""


def widen(found: dict[int, bytes], fields: Sequence[int], *, in_directory: bool) -> tuple[int, ...] | None:
    """The plain fields (size, packed size, in the directory the place too), with ZIP64's values where they refer to it.

    None where the two contradict each other, or readers may understand them differently: the directory's field holds
    exactly what the plain ones refer to, a local one both sizes.
    """
    wide = found.get(_ZIP64)
    referring = [place for place, value in enumerate(fields) if value == _WIDE]
    if not wide:
        return None if referring and wide is not None else tuple(fields)
    expected = len(referring) if in_directory else len(fields)
    if len(wide) != 8 * expected:
        return None
    values = struct.unpack(f"<{expected}Q", wide)
    if in_directory:
        merged = list(fields)
        for place, value in zip(referring, values, strict=True):
            merged[place] = value
        return tuple(merged)
    if any(plain not in {_WIDE, value} for plain, value in zip(fields, values, strict=True)):
        return None
    return values
