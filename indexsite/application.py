"""The WSGI application: the thin read layer, and Django behind it."""

import os
from typing import cast

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "indexsite.settings")
_django = get_wsgi_application()  # sets Django up, which the imports below need

from django.db import DatabaseError, InterfaceError  # noqa: E402

from accounts.reading import ReadAccess  # noqa: E402
from downloads import keeping  # noqa: E402
from downloads.counter import DownloadCounter  # noqa: E402
from indexsite.operation.metrics import COUNTS  # noqa: E402
from indexsite.operation.proxies import BehindProxies  # noqa: E402
from indexsite.operation.requests import Counted  # noqa: E402
from indexsite.reading.cache import ByteLimitedCache  # noqa: E402
from indexsite.reading.layer import ReadLayer, WsgiApp  # noqa: E402
from indexsite.reading.published import Follower  # noqa: E402

_away = (DatabaseError, InterfaceError)
_reading = ReadLayer(
    cast(WsgiApp, _django),
    Follower(ByteLimitedCache(settings.CACHE_BYTES)),
    ReadAccess() if settings.PRIVATE else None,
    DownloadCounter(keeping.add, away=_away) if settings.DOWNLOAD_DAYS else None,
)
_counted = Counted(_reading, COUNTS, access_log=settings.ACCESS_LOG)
application = BehindProxies(_counted, settings.TRUSTED_PROXIES) if settings.TRUSTED_PROXIES else _counted
