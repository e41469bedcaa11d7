"""Django's outermost middleware: a request id, known to every line that is logged meanwhile, and one access line."""

import logging
import re
import secrets
from collections.abc import Callable
from time import perf_counter

from django.http import HttpRequest, HttpResponseBase
from structlog.contextvars import bind_contextvars, clear_contextvars

from indexsite.operation.logs import loggable_path
from indexsite.operation.requests import LOGGED

HEADER = "X-Request-ID"
_WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{1,64}")
log = logging.getLogger("indexsite.access")


class RequestLog:
    """Names who asked as far as it is known, by user name and a token's number; never a token, cookie or query."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the request, and log it."""
        began = perf_counter()
        request_id = _request_id(request.headers.get(HEADER, ""))
        clear_contextvars()  # threads are used again
        bind_contextvars(request_id=request_id)
        try:
            response = self._get_response(request)
            response.headers[HEADER] = request_id
            _log(request, response, perf_counter() - began)
            return response
        finally:
            clear_contextvars()


def _request_id(asked: str) -> str:
    """The proxy's or client's id where it is well formed, else a new one."""
    return asked if _WELL_FORMED.fullmatch(asked) else secrets.token_hex(16)


def _log(request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
    user = getattr(request, "_cached_user", None)  # set once Django has looked: this asks the database for nothing
    if user is not None and user.is_authenticated:
        bind_contextvars(actor=user.get_username())
    length = response.headers.get("Content-Length") or (None if response.streaming else len(response.content))  # type: ignore[attr-defined]  # HttpResponse has it where it is not streaming
    fields = {
        "method": request.method,
        "path": loggable_path(request.path),
        "status": response.status_code,
        "ms": round(seconds * 1000, 1),
        "bytes": int(length) if length is not None else None,
        "client": request.META.get("REMOTE_ADDR"),
    }
    log.info("request", extra={"fields": fields})
    request.META[LOGGED] = True
