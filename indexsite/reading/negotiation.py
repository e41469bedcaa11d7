"""What a client would rather have: the form of a page (PEP 691) and its encoding. Pure."""

from functools import lru_cache

from indexsite_client.protocol import SIMPLE_HTML, SIMPLE_JSON

PLAIN_HTML = "text/html"
LONGEST = 1000  # characters of a header that are looked at, and remembered
_OFFERS = {
    SIMPLE_JSON: SIMPLE_JSON,
    "application/vnd.pypi.simple.latest+json": SIMPLE_JSON,
    SIMPLE_HTML: SIMPLE_HTML,
    "application/vnd.pypi.simple.latest+html": SIMPLE_HTML,
    PLAIN_HTML: PLAIN_HTML,
    "text/*": PLAIN_HTML,
    "application/*": SIMPLE_JSON,
    "*/*": PLAIN_HTML,
}


def negotiate_form(accept: str) -> str | None:
    """The content type to answer a page with; None where none of ours is acceptable. `*/*` gets HTML."""
    return _negotiate_form(accept[:LONGEST])


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether the client asked for gzip by name."""
    return _accepts_gzip(accept_encoding[:LONGEST])


@lru_cache(maxsize=1024)
def _negotiate_form(accept: str) -> str | None:
    best, best_quality = None, 0.0
    for entry in (accept or "*/*").split(",")[:32]:
        kind, _, parameters = entry.partition(";")
        offer = _OFFERS.get(kind.strip().lower())
        quality = _quality(parameters)
        if offer is not None and quality > best_quality:
            best, best_quality = offer, quality
    return best


@lru_cache(maxsize=256)
def _accepts_gzip(accept_encoding: str) -> bool:
    for entry in accept_encoding.split(",")[:32]:
        coding, _, parameters = entry.partition(";")
        if coding.strip().lower() == "gzip":
            return _quality(parameters) > 0
    return False


def _quality(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                return min(max(float(value), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0
