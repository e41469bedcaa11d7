"""`/metrics`: what Prometheus scrapes, for those who may read."""

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import REGISTRY
from prometheus_client.exposition import choose_encoder

from accounts.reading import ReadAccess
from indexsite.operation.figures import IndexFigures
from indexsite.operation.requests import RequestCounts

COUNTS = RequestCounts()  # of this process
REGISTRY.register(COUNTS)
REGISTRY.register(IndexFigures())
_access = ReadAccess()


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """The figures of this process and of the index.

    A token or a session is asked for, on an open index too: behind a proxy everybody seems to come from loopback.
    """
    authorization, cookie = request.headers.get("Authorization", ""), request.headers.get("Cookie", "")
    try:
        if not settings.METRICS_OPEN and not _access.allows(authorization, cookie):
            refusal = _answer("Metrics need a token: create_token --scope read, sent as a Bearer header.\n", 401)
            refusal["WWW-Authenticate"] = 'Bearer realm="Indexsite"'
            return refusal
    except DatabaseError as error:
        return _answer(f"Nobody's token can be checked, for the database cannot be read: {error}\n", 503)
    encode, kind = choose_encoder(request.headers.get("Accept", ""))
    return _answer(encode(REGISTRY), 200, kind)


def _answer(content: str | bytes, status: int, kind: str = "text/plain; charset=utf-8") -> HttpResponse:
    response = HttpResponse(content, status=status, content_type=kind)
    response["Cache-Control"] = "no-store"
    return response
