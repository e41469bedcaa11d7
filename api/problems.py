"""Refusals as problem documents (RFC 9457): one table from errors to statuses, and the faults of what was sent."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response

from accounts.errors import AccessError, NotSignedInError
from accounts.own_tokens import TokenUnknownError
from packages.attestations.naming import PublishersFaultyError
from packages.errors import IndexReadOnlyError
from packages.life.errors import LifeError, MomentFaultyError, NotThereError, ReasonFaultyError, RetentionFaultyError
from storage.contract import StorageUnavailableError
from tufsigning.errors import TrustError

KIND = "application/problem+json"
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one field of a body, or one parameter of a query; "" for the whole."""

    field: str
    detail: str


class NotNowError(Exception):
    """A server that this index needs does not answer, or not in time."""

    code = "not-now"

    def __init__(self) -> None:
        super().__init__("The index is too busy, or one of its servers does not answer; try again in a few seconds.")


class RequestFaultyError(Exception):
    """What was sent cannot be meant."""

    code = "request-faulty"

    def __init__(self, sentence: str, faults: Sequence[Fault] = ()) -> None:
        super().__init__(sentence)
        self.faults = tuple(faults)


class QueryFaultyError(RequestFaultyError):
    """A parameter of the address is not one of those that exist, or has no sensible value."""

    code = "query-faulty"


class BodyMalformedError(RequestFaultyError):
    """The body is not JSON within bounds."""

    code = "body-malformed"


class BodyFaultyError(RequestFaultyError):
    """The body is JSON, but does not say what it must."""

    code = "body-faulty"


class BodyTooLargeError(RequestFaultyError):
    """The body is larger than any that is meant."""

    code = "body-too-large"


class LengthMissingError(RequestFaultyError):
    """The body comes in chunks, and nobody knows how many."""

    code = "length-missing"


STATUSES: tuple[tuple[type[Exception], int], ...] = (
    (NotSignedInError, 401),
    (TokenUnknownError, 404),
    (AccessError, 403),
    (NotThereError, 404),
    (ReasonFaultyError, 422),
    (RetentionFaultyError, 422),
    (MomentFaultyError, 422),
    (PublishersFaultyError, 422),
    (LifeError, 409),
    (BodyTooLargeError, 413),
    (LengthMissingError, 411),
    (BodyFaultyError, 422),
    (RequestFaultyError, 400),
    (IndexReadOnlyError, 503),
    (NotNowError, 503),
    (TrustError, 503),
)


def answer_problem(error: Exception, context: dict[str, Any]) -> Response | None:  # Any: as DRF calls it
    """The answer to an error; None for one that is a fault of ours, which Django answers and logs."""
    if isinstance(error, OperationalError | InterfaceError):
        log.error("The database did not answer a request to the API.", exc_info=error)
        error = NotNowError()
    if isinstance(error, StorageUnavailableError):
        error = NotNowError()
    if isinstance(error, Http404):
        error = exceptions.NotFound(
            "There is nothing at this address. Addresses end in a slash; /api/v1/schema/ names those that there are."
        )
    if isinstance(error, exceptions.APIException):
        return _problem(error.status_code, _code(error), str(error.detail), headers=_headers(error))
    status = next((status for kind, status in STATUSES if isinstance(error, kind)), None)
    if status is None:
        return None
    faults = error.faults if isinstance(error, RequestFaultyError) else ()
    response = _problem(status, getattr(error, "code", "refused"), str(error), faults)
    if status == 401:
        response["WWW-Authenticate"] = 'Basic realm="Indexsite"'
    if isinstance(error, NotNowError):
        response["Retry-After"] = "5"
    return response


def _problem(
    status: int, code: str, detail: str, faults: Sequence[Fault] = (), *, headers: Mapping[str, str] | None = None
) -> Response:
    said: dict[str, object] = {"title": HTTPStatus(status).phrase, "status": status, "code": code, "detail": detail}
    if faults:
        said["faults"] = [{"field": fault.field, "detail": fault.detail} for fault in faults]
    return Response(said, status=status, content_type=KIND, headers=dict(headers or {}))


def _code(error: exceptions.APIException) -> str:
    return str(error.default_code).replace("_", "-")


def _headers(error: exceptions.APIException) -> dict[str, str]:
    wait: float | None = getattr(error, "wait", None)  # of Throttled
    return {"Retry-After": str(max(1, round(wait)))} if wait is not None else {}
