"""`POST /legacy/`: the upload API that twine and its peers speak."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST
from structlog.contextvars import bind_contextvars

from accounts.callers import Caller, Scope, identify_caller, note_use, signed_in_caller
from accounts.errors import AccessError, NotSignedInError, SessionEndedError
from accounts.models import User
from accounts.recent import RecentAnswers
from packages.acceptance import Receipt
from packages.admission import largest_file
from packages.attestations.errors import AttestationsBusyError, AttestationsUnverifiableError
from packages.counters import UPLOADS
from packages.errors import (
    BodyTooSlowError,
    FileTooLargeError,
    FormFaultyError,
    IndexBusyError,
    IndexReadOnlyError,
    QuotaExceededError,
    StoreBusyError,
    UploadRefusedError,
    UploadsBusyError,
    UploadsCollideError,
)
from packages.forms import UploadForm, announced_by_name, check_action
from packages.receiving import FIELDS_LIMIT, PacedBody, received_file, received_form
from packages.uploads import check_writable, receive_upload
from storage.contract import StorageUnavailableError

_STATUSES: tuple[tuple[type[Exception], int], ...] = (
    (NotSignedInError, 401),
    (AccessError, 403),
    (FileTooLargeError, 413),
    (QuotaExceededError, 413),
    (BodyTooSlowError, 408),
    (UploadsBusyError, 503),
    (UploadsCollideError, 503),
    (IndexBusyError, 503),
    (StoreBusyError, 503),
    (IndexReadOnlyError, 503),
    (AttestationsBusyError, 503),
    (AttestationsUnverifiableError, 503),
    (UploadRefusedError, 400),
)
Receive = Callable[[HttpRequest, Caller, PacedBody, int], Receipt]
log = logging.getLogger(__name__)
_callers = RecentAnswers[Caller](seconds=1.0)
_places = threading.BoundedSemaphore(settings.UPLOADS_AT_ONCE)


@csrf_exempt  # twine authenticates by token and has no session
@require_POST
def legacy_upload(request: HttpRequest) -> HttpResponse:
    """Take one file. The token is checked before the body is read."""
    return _take(request, lambda: _identify(request.headers.get("Authorization", "")), _receive_form)


@require_http_methods(["PUT"])
def page_upload(request: HttpRequest, filename: str) -> HttpResponse:
    """Take the file that is the body, from somebody who signed in at the pages. All else is as with twine.

    PUT, for of a POST without a form Django reads the body itself, in search of the CSRF token that is in the header.
    """

    def receive(request: HttpRequest, caller: Caller, body: PacedBody, limit: int) -> Receipt:
        policy = settings.UPLOAD_POLICY
        announced = announced_by_name(filename, policy)
        with received_file(body, length=_length(request, limit=limit), limit=limit) as blob:
            return receive_upload(caller=caller, announced=announced, blob=blob, policy=policy, now=timezone.now())

    return _take(request, lambda: _signed_in(request), receive)


def _signed_in(request: HttpRequest) -> Caller:
    if not isinstance(request.user, User):
        raise SessionEndedError
    return signed_in_caller(request.user)


def _take(request: HttpRequest, identify: Callable[[], Caller], receive: Receive) -> HttpResponse:
    """Take one file in a place of its own, or refuse it in words."""
    body = PacedBody(request.META["wsgi.input"])
    try:
        caller = identify()
        bind_contextvars(actor=caller.username, token=caller.token_id)
        caller.require(Scope.UPLOAD)
        check_writable(settings.UPLOAD_POLICY)
        limit = largest_file(settings.UPLOAD_POLICY)
        close_old_connections()  # a pooled one is for others while the body comes
        with _upload_place():
            receipt = receive(request, caller, body, limit)
    except (AccessError, UploadRefusedError) as error:
        body.drain()
        return _refusal(request, error)
    except (OperationalError, InterfaceError):
        log.exception("The database did not take an upload.")
        body.drain()
        return _refusal(request, IndexBusyError())
    except StorageUnavailableError as error:
        log.error("The storage did not take an upload: %s", error)
        body.drain()
        return _refusal(request, StoreBusyError())
    return _answer(request, 200, [receipt.sentence, *receipt.warnings], code="received")


def _identify(authorization: str) -> Caller:
    """Who uploads; a token that is revoked uploads for a second more."""

    def ask() -> Caller:
        caller = identify_caller(authorization, now=timezone.now())
        note_use(caller, now=timezone.now())
        return caller

    return _callers.get(authorization, ask)


def _length(request: HttpRequest, *, limit: int, more: int = 0) -> int:
    """The length of the body: `limit` for the file, and `more`; raises FileTooLargeError before any of it is read."""
    length = request.META.get("CONTENT_LENGTH") or ""
    if not length.isdigit():
        raise FormFaultyError("The request has no Content-Length; upload with twine or uv.")
    if int(length) > limit + more:
        raise FileTooLargeError(limit)
    return int(length)


def _receive_form(request: HttpRequest, caller: Caller, body: PacedBody, limit: int) -> Receipt:
    policy = settings.UPLOAD_POLICY
    length, kind = _length(request, limit=limit, more=FIELDS_LIMIT), request.META.get("CONTENT_TYPE", "")
    with received_form(body, content_type=kind, length=length, limit=limit) as form:
        if form.blob is None:
            raise FormFaultyError("The form has no file in the field 'content'.")
        check_action(form.fields)
        announced = UploadForm(form.fields).announced(form.filename, policy)
        return receive_upload(caller=caller, announced=announced, blob=form.blob, policy=policy, now=timezone.now())


@contextmanager
def _upload_place() -> Iterator[None]:
    if not _places.acquire(blocking=False):
        raise UploadsBusyError(settings.UPLOADS_AT_ONCE)
    try:
        yield
    finally:
        _places.release()


def _refusal(request: HttpRequest, error: AccessError | UploadRefusedError) -> HttpResponse:
    status = next(status for kind, status in _STATUSES if isinstance(error, kind))
    faults = list(error.faults) if isinstance(error, UploadRefusedError) else [str(error)]
    response = _answer(request, status, faults, code=error.code)
    if status == 401:
        response["WWW-Authenticate"] = 'Basic realm="Indexsite"'
    if status == 503 and not isinstance(error, IndexReadOnlyError):
        response["Retry-After"] = "5"
    return response


def _answer(request: HttpRequest, status: int, sentences: list[str], *, code: str) -> HttpResponse:
    """Plain text, a sentence a line with the gravest first, or JSON where the client prefers it and names no text.

    uv names both, prefers JSON, and shows nothing of it but the code.
    """
    UPLOADS.labels(code).inc()
    names_text = any((kind.main_type, kind.sub_type) == ("text", "plain") for kind in request.accepted_types)
    prefers_json = request.get_preferred_type(["text/plain", "application/json"]) == "application/json"
    if prefers_json and not names_text:
        rest = {"faults": sentences} if status >= 400 else {"warnings": sentences[1:]}
        return JsonResponse({"code": code, "message": sentences[0], **rest}, status=status)
    text = "\n".join(sentences) + "\n"
    return HttpResponse(text, status=status, content_type="text/plain; charset=utf-8")
