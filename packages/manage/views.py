"""`/manage/`: one's projects, and for each its releases, members, settings and journal. Every act is a POST."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from packages.holding import read_only_reason
from packages.life.dependents import dependents_of
from packages.life.rules import Act
from packages.manage.access import Managed, managing
from packages.manage.journal_words import journal_line
from packages.manage.offers import Offers
from packages.manage.overview import release_of, releases_of
from packages.manage.release_acts import OF_FILE, OF_RELEASE, file_offers, release_offers
from packages.models import File, JournalEntry, Release

RELEASES_SHOWN, ENTRIES_SHOWN, NAMES_SHOWN = 100, 50, 20


@require_safe
@managing
def project(request: HttpRequest, managed: Managed) -> HttpResponse:
    """A project's releases."""
    rows = releases_of(managed.project)
    context = {"releases": rows, "page": _page(request, rows, RELEASES_SHOWN), "size": sum(row.size for row in rows)}
    return show(request, managed, "project", context)


@require_http_methods(["GET", "HEAD", "POST"])
@managing
def release(request: HttpRequest, managed: Managed, version: str) -> HttpResponse:
    """A release and its files, each with what may be done."""
    found = release_of(managed.project, version)
    if found is None:
        raise Http404(f"The project {managed.project.name} has no release {version[:80]}.")
    if found.version != version:
        return redirect("manage-release", name=managed.project.name, version=found.version)
    files, now = list(_files_of(found)), timezone.now()
    is_closed = _is_closed(found, now)
    offered = list(release_offers(managed.project, found, files=len(files), is_closed=is_closed, now=now))
    for file in files:
        offered += file_offers(managed.project, file, is_last=len(files) == 1)
    offers = Offers(managed, offered)
    if answer := offers.take(request):
        return answer
    may_delete = managed.may(Act.DELETE_FILES)
    context = {
        "release": found,
        "dependents": first_names(dependents_of(found.project.name, losing=[found.version]) if may_delete else ()),
        "files": [(file, list(offers.shown(*OF_FILE, target=file.filename))) for file in files],
        "acts": list(offers.shown(*OF_RELEASE)),
        "is_reopened": is_closed and found.reopened_until is not None and found.reopened_until > now,
    }
    return show(request, managed, "release", context)


@require_safe
@managing
def journal(request: HttpRequest, managed: Managed) -> HttpResponse:
    """Who did what with the project, the newest first."""
    entries = JournalEntry.objects.filter(project=managed.project.name).order_by("-id")
    page = _page(request, entries, ENTRIES_SHOWN)
    lines = [journal_line(entry) for entry in page.object_list]
    return show(request, managed, "journal", {"page": page, "lines": lines})


def show(request: HttpRequest, managed: Managed, page: str, context: Mapping[str, object]) -> HttpResponse:
    """A page of the project, below its head and tabs."""
    about = {"project": managed.project, "managed": managed, "tab": page, "read_only": read_only_reason()}
    return render(request, f"manage/{page}.html", {**about, **context})


def first_names(names: Iterable[str]) -> dict[str, object]:
    """The first of many names, and how many there are."""
    every = list(names)
    return {"count": len(every), "names": every[:NAMES_SHOWN], "more": max(0, len(every) - NAMES_SHOWN)}


def _page(request: HttpRequest, rows: Any, size: int) -> Page[Any]:  # Any: rows of whatever kind
    return Paginator(rows, size).get_page(request.GET.get("page"))


def _files_of(release: Release) -> QuerySet[File]:
    return File.objects.filter(release=release).select_related("uploaded_by").order_by("filename")


def _is_closed(release: Release, now: datetime) -> bool:
    closed_after = settings.UPLOAD_POLICY.closed_after
    return closed_after is not None and now > release.created_at + closed_after
