"""`/api/v1/schema/`: the API in OpenAPI 3.1, made from the views themselves."""

from functools import cache
from typing import Any

from django.conf import settings
from drf_spectacular.generators import SchemaGenerator
from rest_framework.request import Request
from rest_framework.response import Response

from api.view import ApiView
from packages.index_address import index_address

Json = dict[str, Any]  # Any: a document of nested objects
METHODS = ("get", "put", "post", "delete")
PROBLEM: Json = {
    "type": "object",
    "description": "A refusal (RFC 9457).",
    "required": ["title", "status", "code", "detail"],
    "properties": {
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "what is wrong, for programs"},
        "detail": {"type": "string", "description": "what is wrong and what to do, for people"},
        "faults": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "detail"],
                "properties": {"field": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}


SCHEMES: Json = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "an API token"},
    "basic": {
        "type": "http",
        "scheme": "basic",
        "description": "user name `__token__`, and an API token as the password",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": settings.SESSION_COOKIE_NAME,
        "description": "of somebody who signed in at the pages; to change something, with the header X-CSRFToken",
    },
}


class Schema(ApiView):
    """`/schema/`."""

    schema = None  # it does not tell of itself

    def get(self, request: Request) -> Response:
        """OpenAPI 3.1."""
        return Response({**describe_api(), "servers": [{"url": index_address(request)}]})


@cache
def describe_api() -> Json:
    """The document, made once in a process; every operation may be refused, which is said here once."""
    found: Json = SchemaGenerator(urlconf="api.urls").get_schema(public=True)  # type: ignore[no-untyped-call]  # it has no types
    found["paths"] = {f"/api/v1{path}": item for path, item in found["paths"].items()}
    found["components"]["schemas"]["Problem"] = PROBLEM
    found["components"]["securitySchemes"] = SCHEMES
    refusal = {
        "description": "Refused; `code` says why.",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for item in found["paths"].values():
        for method in METHODS:
            if method in item:
                item[method]["responses"].update({"4XX": refusal, "503": refusal})
    return found
