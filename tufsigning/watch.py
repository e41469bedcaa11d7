"""A sink outside the database, to which each use of the online key is told: syslog (RFC 5424) or a webhook.

Whoever takes over the database cannot take back what another machine has received.
"""

import contextlib
import os
import socket
import threading
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from http.client import HTTPException
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

from indexsite_client.protocol import Json, canonical_json

PATIENCE = 5.0  # seconds for all of it, looking up the name included
_PRIORITY = 10 * 8 + 5  # facility authpriv, severity notice
_PORT = 514


def tell(said: Json) -> str:
    """Send it to INDEXSITE_KEY_USE_SINK; returns why that failed, empty where it did not. Never takes longer."""
    sink = urlsplit(settings.KEY_USE_SINK.get_secret_value())
    send = _SENDERS[sink.scheme]
    faults = ["it did not take it in time"]

    def attempt() -> None:
        try:
            send(sink, canonical_json(said))
            faults.clear()
        except (OSError, HTTPException, ValueError) as error:  # urllib's are OSErrors; their text may have the address
            faults[:] = [f"{type(error).__name__} {getattr(error, 'code', '') or getattr(error, 'errno', '') or ''}"]

    thread = threading.Thread(target=attempt, name="key-use-sink", daemon=True)
    thread.start()
    thread.join(PATIENCE)
    return f"{sink.scheme}://{sink.hostname or sink.path}: {faults[0].strip()}" if faults else ""


def syslog_line(message: bytes, *, now: datetime, host: str, process: int) -> bytes:
    """A message as RFC 5424 wants it, in UTF-8."""
    at = now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return f"<{_PRIORITY}>1 {at} {host or '-'} indexsite {process} key-use - ".encode() + b"\xef\xbb\xbf" + message


def _line(message: bytes) -> bytes:
    return syslog_line(message, now=datetime.now(UTC), host=socket.gethostname(), process=os.getpid())


def _to_udp(sink: SplitResult, message: bytes) -> None:
    family, kind, number, _, address = socket.getaddrinfo(sink.hostname, sink.port or _PORT, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind, number) as datagrams:
        datagrams.connect(address)  # an error of the receiver's machine is told to us then
        datagrams.send(_line(message))


def _to_tcp(sink: SplitResult, message: bytes) -> None:
    """Framed by its length (RFC 6587)."""
    line = _line(message)
    with socket.create_connection((sink.hostname or "", sink.port or _PORT), timeout=PATIENCE) as stream:
        stream.sendall(f"{len(line)} ".encode() + line)


def _to_unix(sink: SplitResult, message: bytes) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams:
        datagrams.settimeout(PATIENCE)
        datagrams.connect(sink.path)
        datagrams.send(_line(message))


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect is a refusal: the record goes where the setting says."""

    def redirect_request(self, *args: object, **kwargs: object) -> None:
        return None


def _to_webhook(sink: SplitResult, message: bytes) -> None:
    request = urllib.request.Request(  # noqa: S310  # http and https only: the setting was checked
        sink.geturl(), data=message, headers={"Content-Type": "application/json", "User-Agent": "indexsite"}
    )
    with contextlib.closing(urllib.request.build_opener(_NoRedirect).open(request, timeout=PATIENCE)) as answer:
        if not 200 <= answer.status < 300:
            raise ValueError(f"status {answer.status}")


_SENDERS: dict[str, Callable[[SplitResult, bytes], None]] = {
    "syslog": _to_udp,
    "syslog+tcp": _to_tcp,
    "syslog+unix": _to_unix,
    "https": _to_webhook,
    "http": _to_webhook,
}
