"""Which addresses may stand behind a link that people click: one rule, for what comes in and what is shown. Pure."""

import re
from urllib.parse import urlsplit

MAX_ADDRESS = 2000  # characters
_NOT_IN_ADDRESSES = re.compile(r"[\s\x00-\x20\x7f-\xa0<>\"\\\ud800-\udfff]")  # RFC 3986 has none of them


def is_web_address(address: str) -> bool:
    """Whether it is http or https, with a host, and nothing that a browser would read otherwise than we do."""
    if len(address) > MAX_ADDRESS or _NOT_IN_ADDRESSES.search(address):
        return False
    try:
        parts = urlsplit(address)
        return parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        return False
