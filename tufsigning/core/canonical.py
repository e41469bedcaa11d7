"""Canonical JSON as `indexsite_client.protocol` defines it, at the speed that a publisher needs."""

from typing import cast

import orjson

from indexsite_client.protocol import Json


def canonical_bytes(value: object) -> bytes:
    """Sorted keys, no white space, UTF-8: byte for byte what `protocol.canonical_json` makes of the same value."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def read_object(content: bytes) -> Json:
    """The JSON object of a document of our own; raises ValueError where it is no JSON."""
    return cast(Json, orjson.loads(content))
