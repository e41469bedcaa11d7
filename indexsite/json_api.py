"""`/pypi/<name>/json`: what PyPI's JSON API tells of a project or release, for tools that read it."""

import hashlib
from collections.abc import Callable

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.utils.cache import get_conditional_response
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from indexsite_client.protocol import ProtocolError, normalize_name
from packages import journal, shelves
from packages.about import about_release
from packages.index_address import index_address
from packages.json_document import Json, project_document, release_document
from packages.shelves import ProjectShelf, ShelvedRelease

Document = Callable[..., Json]


@require_safe
@gzip_page
def project_json(request: HttpRequest, name: str) -> HttpResponseBase:
    """The latest release, and the files of every release."""
    return _answer(request, name, lambda shelf: shelf.latest, project_document, route="project-json")


@require_safe
@gzip_page
def release_json(request: HttpRequest, name: str, version: str) -> HttpResponseBase:
    """One release and its files; its version in whatever spelling."""
    return _answer(
        request, name, lambda shelf: shelf.release(version), release_document, route="release-json", version=version
    )


def _answer(
    request: HttpRequest,
    name: str,
    choose: Callable[[ProjectShelf], ShelvedRelease | None],
    document: Document,
    *,
    route: str,
    **arguments: str,
) -> HttpResponseBase:
    """A constant number of queries, whatever the number of files; files that wait for a signature are not there."""
    try:
        normalized = normalize_name(name)
    except ProtocolError as error:
        return _missing(str(error))
    if normalized != name:
        return redirect(route, name=normalized, permanent=True, **arguments)
    shelf = shelves.project_shelf(normalized)
    release = choose(shelf) if shelf else None
    if shelf is None or release is None:
        return _missing(f"There is no such release of {normalized} here, or no such project.")
    about = about_release(normalized, release.version, with_text=True)
    serial = journal.last_serial(normalized)
    content = orjson.dumps(document(shelf, release, about, address=index_address(request), serial=serial))
    response = HttpResponse(content, content_type="application/json")
    etag = response["ETag"] = f'"{hashlib.sha256(content).hexdigest()}"'
    response["Cache-Control"] = "private, no-cache" if settings.PRIVATE else "no-cache"
    response["X-PyPI-Last-Serial"] = str(serial)
    return get_conditional_response(request, etag=etag, response=response) or response


def _missing(message: str) -> HttpResponse:
    return JsonResponse({"message": message}, status=404, headers={"Cache-Control": "no-store"})
