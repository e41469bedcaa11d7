"""What every view of the API has in common: JSON in, JSON out, bounded, throttled, refused in problem documents."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, cast

from django.conf import settings
from django.http import Http404
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from accounts.actors import Actor
from api.authentication import SessionWithCsrf, TokenAuthentication, actor
from api.bodies import BoundedJson, check_body
from api.problems import BodyFaultyError, Fault, QueryFaultyError, RequestFaultyError, answer_problem
from api.throttles import PerMinute
from packages.uploads import check_writable

Values = dict[str, Any]  # Any: what a serializer has checked


class JsonOnly(BaseContentNegotiation):
    """Answers are JSON whatever is asked for; of bodies, the type counts."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        """The parser, where the body is what it says; `check_body` has looked."""
        return next(iter(parsers))

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """The only one."""
        renderer = next(iter(renderers))
        return renderer, renderer.media_type


class ApiView(APIView):
    """A view of the API. Everything is said here and not in settings, so that nothing else is affected."""

    authentication_classes = (TokenAuthentication, SessionWithCsrf)
    permission_classes = ()  # who may do what is asked of `packages`, which says it once for all ways in
    throttle_classes = (PerMinute,)
    parser_classes = (BoundedJson,)
    renderer_classes = (JSONRenderer,)
    content_negotiation_class = JsonOnly
    metadata_class = None
    http_method_names = ("get", "head", "post", "put", "delete")

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        """The body's bounds come first: to look for a CSRF token, Django would read a form of any size."""
        check_body(request._request)
        super().initial(request, *args, **kwargs)

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response | None]:
        """Problem documents."""
        return answer_problem

    def finalize_response(self, request: Request, response: Response, *args: object, **kwargs: object) -> Response:
        """Answers depend on who asks, and are kept by nobody."""
        answer = super().finalize_response(request, response, *args, **kwargs)
        answer.headers.setdefault("Cache-Control", "no-store")
        patch_vary_headers(answer, ["Authorization", "Cookie"])
        return answer


class Nothing(ApiView):
    """Any other address, whatever the method."""

    schema = None  # it is not in the schema

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        """404, where one is let in at all."""
        super().initial(request, *args, **kwargs)
        raise Http404


def read_query(request: Request, serializer: type[Serializer]) -> Values:  # type: ignore[type-arg]  # of whatever
    """The parameters of the address; raises QueryFaultyError, for unknown ones too: a typing error filters nothing."""
    return _checked(serializer, request.query_params.dict(), QueryFaultyError, "The query")


def read_body(request: Request, serializer: type[Serializer]) -> Values:  # type: ignore[type-arg]  # as above
    """What the body says; raises BodyFaultyError."""
    return _checked(serializer, cast(Values, request.data), BodyFaultyError, "The body")


def writing(request: Request) -> tuple[Actor, datetime]:
    """Who acts, and when; raises AccessError, or IndexReadOnlyError while nothing may be changed."""
    found = actor(request)
    check_writable(settings.UPLOAD_POLICY)
    return found, timezone.now()


def _checked(
    serializer: type[Serializer],  # type: ignore[type-arg]  # as above
    sent: Mapping[str, Any],  # Any: whatever was sent
    error: type[RequestFaultyError],
    where: str,
) -> Values:
    form = serializer(data=dict(sent))
    known = form.fields.keys()
    faults = [Fault(name[:100], "There is no such field.") for name in sent if name not in known]
    if not form.is_valid():
        faults += [
            Fault("" if name == "non_field_errors" else name, str(each))
            for name, said in form.errors.items()
            for each in _flat(said)
        ]
    if faults:
        raise error(f"{where} has {len(faults)} fault{'s' if len(faults) > 1 else ''}: see 'faults'.", faults[:20])
    return dict(form.validated_data)


def _flat(said: Any) -> list[str]:  # Any: lists and objects of messages, as DRF nests them
    if isinstance(said, dict):
        return [each for inner in said.values() for each in _flat(inner)]
    if isinstance(said, list):
        return [each for inner in said for each in _flat(inner)]
    return [str(said)]
