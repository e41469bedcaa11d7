"""Behind a reverse proxy: who really asked, by which scheme and under which name; believed from known proxies only."""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from django.core.files.storage import FileSystemStorage, storages

from indexsite.reading.answers import ACCEL, Environ, StartResponse
from indexsite.reading.layer import WsgiApp

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST", "HTTP_X_INDEXSITE_ACCEL")
_LOCATION = re.compile(r"(/[a-z0-9_-]{1,40}){1,8}/")
_MAX_HOPS = 20


class BehindProxies:
    """Wraps the application: X-Forwarded-For, -Proto and -Host of these networks count, everybody else's do not.

    A proxy that can send files of the store by itself names its location of it in X-Indexsite-Accel; that counts where
    the store is a folder.
    """

    def __init__(self, application: WsgiApp, networks: Sequence[Network]) -> None:
        self._has_files = isinstance(storages["default"], FileSystemStorage)
        self._application, self._networks = application, networks
        self._is_trusted = lru_cache(maxsize=1024)(self._look)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """PEP 3333."""
        told_for, proto, host, accel = (environ.pop(name, "") for name in _FORWARDED)
        if self._is_trusted(environ.get("REMOTE_ADDR", "")):
            environ["REMOTE_ADDR"] = self._client(told_for) or environ["REMOTE_ADDR"]
            if proto in {"http", "https"}:
                environ["wsgi.url_scheme"] = proto
            if host:
                environ["HTTP_HOST"] = host  # Django compares it with the names that are allowed
            if self._has_files and _LOCATION.fullmatch(accel):
                environ[ACCEL] = accel
        return self._application(environ, start_response)

    def _client(self, told_for: str) -> str:
        """The nearest address that is none of our proxies: what stands further left may be made up."""
        hops = [hop.strip() for hop in told_for.rsplit(",", _MAX_HOPS)]
        for hop in reversed(hops):
            if not self._is_trusted(hop):
                return hop if _is_address(hop) else ""
        return hops[0]

    def _look(self, address: str) -> bool:
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in self._networks)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
