"""What Django answers where something failed: busy, to be tried again, where a server of ours is away; else a 500."""

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.views.defaults import server_error

from storage.contract import StorageUnavailableError


def say_what_failed(request: HttpRequest) -> HttpResponse:
    """Django's handler500, called while the exception is being handled."""
    if not isinstance(sys.exc_info()[1], OperationalError | InterfaceError | StorageUnavailableError):
        return server_error(request)
    sentence = "The index is too busy, or one of its servers does not answer; try again in a few seconds.\n"
    response = HttpResponse(sentence, status=503, content_type="text/plain; charset=utf-8")
    response["Retry-After"], response["Cache-Control"] = "5", "no-store"
    return response
