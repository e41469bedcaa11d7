"""How many requests a minute somebody may make: a user by name, anybody else by address; both by setting."""

import logging
import time
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.cache import cache
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts.models import User

if TYPE_CHECKING:
    from rest_framework.views import APIView

MINUTE = 60
log = logging.getLogger(__name__)


class PerMinute(BaseThrottle):
    """Counts requests of a calendar minute in Django's cache, which the processes of a scaled index share.

    One small number for each who asks, added to atomically. Where the cache is away nobody is counted: a limit that
    protects the index must not be what takes it down.
    """

    def allow_request(self, request: Request, view: "APIView") -> bool:
        """Whether the request is within the limit; 0 is none."""
        user = request.user
        if isinstance(user, User):
            who, limit = f"user:{user.pk}", settings.API_REQUESTS_PER_USER
        else:
            who, limit = f"address:{_network(request.META.get('REMOTE_ADDR', ''))}", settings.API_REQUESTS_PER_ADDRESS
        if not limit:
            return True
        key = f"api:{who}:{int(time.time()) // MINUTE}"
        try:
            cache.add(key, 0, timeout=2 * MINUTE)
            return bool(cache.incr(key) <= limit)
        except ValueError:  # it went between the two, as what is in caches may
            return True
        except RedisError as error:
            log.warning("The cache does not answer, and requests to the API are not counted: %s", error)
            return True

    def wait(self) -> float:
        """Seconds until the next minute."""
        return MINUTE - time.time() % MINUTE


def _network(address: str) -> str:
    """The address; of IPv6 the /64, of which one person has all."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return address
    return str(found.ipv4_mapped or int(found) >> 64)
