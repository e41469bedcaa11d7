"""The names of key holders in the signed part of root: for people, and for nothing that a client decides."""

from collections.abc import Mapping
from types import MappingProxyType

from indexsite_client.protocol.names import ProtocolError
from indexsite_client.protocol.page import SHA256, Json
from indexsite_client.protocol.shape import EXTENSION

HOLDERS = "holders"  # in root's extension, where a ceremony names them: {key id: who holds the key}
MOST_NAMES, LONGEST_NAME = 200, 80


class HoldersError(ProtocolError):
    """Names that no root of an index has."""


def holders_named(signed: Json) -> Mapping[str, str]:
    """Who holds which key, by key id, as the signed part of a root says; raises HoldersError."""
    said = signed[EXTENSION].get(HOLDERS, {})
    if not isinstance(said, dict) or len(said) > MOST_NAMES:
        raise HoldersError(f"The root's {HOLDERS} are no object of at most {MOST_NAMES} names.")
    for keyid, name in said.items():
        if not SHA256.fullmatch(keyid):
            raise HoldersError(f"The root names the holder of {keyid[:80]!r}, which is no id of a key.")
        if not isinstance(name, str) or not name or len(name) > LONGEST_NAME or not name.isprintable():
            raise HoldersError(f"The root gives the holder of {keyid[:8]} no name of 1 to {LONGEST_NAME} characters.")
    return MappingProxyType(said)


def name_holders(signed: Json, names: Mapping[str, str]) -> None:
    """Have the signed part of a root say who holds which key."""
    signed[EXTENSION][HOLDERS] = dict(sorted(names.items()))
    holders_named(signed)
