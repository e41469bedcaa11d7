"""One HTTP request over the loopback and its answer, as values."""

import http.client
from dataclasses import dataclass, field
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Ask:
    """Where to send a request, and the headers that the load generator repeats."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, read to its end."""

    status: int
    type: str
    body: bytes


def fetch(ask: Ask) -> Answer:
    """The answer to a GET."""
    return send("GET", ask)


def send(method: str, ask: Ask, body: bytes | None = None) -> Answer:
    """The answer to one request on a connection of its own; redirects are not followed."""
    address = urlsplit(ask.url)
    connection = http.client.HTTPConnection(address.netloc, timeout=TIMEOUT_SECONDS)
    try:
        path = f"{address.path}?{address.query}" if address.query else address.path
        connection.request(method, path, body=body, headers=ask.headers)
        response = connection.getresponse()
        return Answer(response.status, response.headers.get_content_type(), response.read())
    finally:
        connection.close()
