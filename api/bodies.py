"""Bodies of requests: JSON only, and bounded in size and depth before anybody looks at what it says."""

import re
from collections.abc import Mapping
from typing import IO, Any

import orjson
from django.http import HttpRequest
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.parsers import BaseParser

from api.problems import BodyMalformedError, BodyTooLargeError, LengthMissingError

LARGEST = 64 * 1024  # bytes
DEEPEST = 8  # arrays and objects within each other
JSON_TYPE = "application/json"
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"?', re.DOTALL)  # one that never ends is taken whole, or it took for ever
_BRACKET = re.compile(rb"[\[\]{}]")


class BoundedJson(BaseParser):
    """JSON in UTF-8 that is one object."""

    media_type = JSON_TYPE

    # Any: as DRF calls it, and whatever JSON it is
    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """The object; raises BodyMalformedError or BodyTooLargeError."""
        content = stream.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise BodyTooLargeError(_TOO_LARGE)
        return read_object(content)


def read_object(content: bytes) -> dict[str, Any]:  # Any: whatever JSON it is
    """A JSON object; raises BodyMalformedError. Nesting is counted before it is parsed."""
    if _depth(content) > DEEPEST:
        raise BodyMalformedError(f"The body is nested deeper than {DEEPEST} levels; nothing here needs that.")
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise BodyMalformedError(f"The body is no JSON ({error}).") from error
    if not isinstance(found, dict):
        raise BodyMalformedError("The body is no JSON object; send {…}.")
    return found


def check_body(request: HttpRequest) -> None:
    """Refuse a body by its headers, before anything of it is read; raises what the API answers."""
    if request.headers.get("Transfer-Encoding"):
        raise LengthMissingError("Send a Content-Length; bodies in chunks are not taken.")
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdigit():
        raise BodyMalformedError("The Content-Length is no number.")
    if int(length) > LARGEST:
        raise BodyTooLargeError(_TOO_LARGE)
    if int(length) and request.content_type != JSON_TYPE:
        raise UnsupportedMediaType(
            request.content_type or "", f"Send JSON, with Content-Type: {JSON_TYPE}; files are uploaded to /legacy/."
        )


def _depth(content: bytes) -> int:
    """How deep brackets are nested, those in strings left out."""
    deepest = depth = 0
    for bracket in _BRACKET.findall(_STRING.sub(b"", content)):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


_TOO_LARGE = f"The body is larger than {LARGEST} bytes; nothing here needs that."
