"""How views are told of in the schema, and how pages of rows are asked for and answered."""

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar
from urllib.parse import urlencode

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from packages.catalogue import Page
from packages.index_address import index_address

Shape = type[serializers.Serializer]  # type: ignore[type-arg]  # of whatever
Method = TypeVar("Method", bound=Callable[..., Response])
MOST_ROWS = 200
_KNOWN: list[Any] = [{"bearer": []}, {"basic": []}, {"session": []}]  # Any: the stubs forget this form of it
LARGEST_KEY = 2**63 - 1


class PageQuery(serializers.Serializer[Any]):  # Any: a serializer of plain values
    """Which page, of lists by number."""

    limit = serializers.IntegerField(min_value=1, max_value=MOST_ROWS, default=50, help_text="rows of a page")
    cursor = serializers.IntegerField(
        min_value=1, max_value=LARGEST_KEY, default=None, help_text="of the next page, as `next` has it"
    )


def documented(
    operation: str,
    *,
    tag: str,
    answers: Any,  # Any: a serializer's class, or one of many rows
    query: Shape | None = None,
    takes: Shape | None = None,
    status: int = 200,
    is_open: bool = False,
) -> Callable[[Method], Method]:
    """Names an operation of the schema, and says what it takes and answers; `is_open`: to those we do not know too."""
    anybody: list[Any] = [{}] if is_open else []  # Any: as below
    return extend_schema(
        operation_id=operation,
        tags=[tag],
        request=takes,
        responses={status: answers},
        parameters=[query] if query else None,
        auth=[*anybody, *_KNOWN],
    )


@cache
def page_shape(shape: Shape) -> Shape:
    """The shape of a page of rows."""
    name = shape.__name__.removesuffix("Serializer")
    fields = {
        "results": shape(many=True),
        "next": serializers.URLField(allow_null=True, help_text="address of the next page; null on the last one"),
    }
    return type(inline_serializer(f"{name}Page", fields))


def answer_page(request: Request, page: Page[Any], shape: Shape) -> Response:  # Any: whatever the shape is of
    """The rows, and the address of the next page: this one's, with another cursor."""
    following = None
    if page.next is not None:
        query = {**request.query_params.dict(), "cursor": str(page.next)}
        path = request.path.removeprefix(request.META.get("SCRIPT_NAME", ""))
        following = f"{index_address(request)}{path}?{urlencode(query)}"
    return Response({"results": shape(page.rows, many=True, context={"request": request}).data, "next": following})
