"""The pages for people that need both what the index holds and what it signs."""

import hashlib
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from downloads.keeping import project_downloads
from indexsite_client.protocol import NormalizedName, ProtocolError, normalize_name
from packages import shelves
from packages.about import about_release
from packages.holding import read_only_reason
from packages.index_address import index_address
from packages.manage.access import is_manager
from packages.shelves import ProjectShelf
from storage.contract import StorageUnavailableError
from tufsigning.errors import TrustError
from tufsigning.trust import reader


@dataclass(frozen=True, slots=True)
class TrustSummary:
    """What a visitor needs to pin this index: the newest root's fingerprint, and whether it is for development only."""

    fingerprint: str
    development: bool

    @property
    def fingerprint_groups(self) -> tuple[str, ...]:
        """Eight characters at a time, for eyes to compare."""
        return tuple(self.fingerprint[start : start + 8] for start in range(0, len(self.fingerprint), 8))


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What this is, how to point pip, uv, twine and the client at it, and the latest projects."""
    return render(request, "home.html", {**about_index(request), "latest": shelves.latest_projects(limit=10)})


@require_safe
def project(request: HttpRequest, name: str) -> HttpResponse:
    """A project: its latest release, who vouches, and the files of all releases."""
    normalized = _normalize(name)
    if normalized != name:
        return redirect("project", name=normalized, permanent=True)
    shelf = _shelf(normalized)
    about = about_release(normalized, shelf.latest.version) if shelf.latest else None
    context: dict[str, object] = {"shelf": shelf, "about": about, "is_manager": is_manager(request.user, normalized)}
    if settings.DOWNLOAD_DAYS:
        context["downloads"] = project_downloads(normalized, today=timezone.now().date())
    return render(request, "project.html", {**about_index(request), **context})


@require_safe
def release(request: HttpRequest, name: str, version: str) -> HttpResponse:
    """A release: what it says of itself, and its files."""
    normalized = _normalize(name)
    if normalized != name:
        return redirect("release", name=normalized, version=version, permanent=True)
    shelf = _shelf(normalized)
    found = shelf.release(version)
    if found is None:
        raise Http404(f"There is no release {version[:80]} of {normalized} here.")
    if found.version != version:
        return redirect("release", name=normalized, version=found.version, permanent=True)
    about = about_release(normalized, found.version)
    context = {"shelf": shelf, "release": found, "about": about}
    return render(request, "release.html", {**about_index(request), **context})


@login_required
@require_safe
def upload(request: HttpRequest) -> HttpResponse:
    """A form for files from one's own disk."""
    policy = settings.UPLOAD_POLICY
    about = {"limit": policy.file_limit, "read_only": read_only_reason()}
    return render(request, "upload.html", {**about_index(request), **about})


def trust_summary() -> TrustSummary | None:
    """Of the current publication; None before the first one."""
    try:
        current = reader.current()
    except (TrustError, StorageUnavailableError):
        return None
    return TrustSummary(hashlib.sha256(current.roots[-1]).hexdigest(), current.is_development)


def about_index(request: HttpRequest) -> dict[str, object]:
    """What every page says of the index: where it is, whether reading needs a token, and what to pin."""
    address = index_address(request)
    host = urlsplit(address).hostname
    return {"address": address, "host": host, "private": settings.PRIVATE, "trust": trust_summary()}


def _normalize(name: str) -> NormalizedName:
    try:
        return normalize_name(name)
    except ProtocolError as error:
        raise Http404(str(error)) from error


def _shelf(name: NormalizedName) -> ProjectShelf:
    shelf = shelves.project_shelf(name)
    if shelf is None:
        raise Http404(f"There is no project {name} here.")
    return shelf
