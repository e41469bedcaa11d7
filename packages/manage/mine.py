"""`/manage/`: one's projects, and what one is invited to."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from indexsite_client.protocol import ProtocolError, normalize_name
from packages.manage.access import signed_in
from packages.manage.overview import invitations_of, projects_of
from packages.models import Project


@never_cache
@login_required
@require_http_methods(["GET", "HEAD"])
def mine(request: HttpRequest) -> HttpResponse:
    """One's projects and invitations; administrators come to any other project from here."""
    user = signed_in(request)
    if user.is_staff and (name := request.GET.get("name", "").strip()[:200]):
        try:
            return redirect("manage-project", name=normalize_name(name))
        except ProtocolError as error:
            messages.error(request, str(error))
    projects = projects_of(user)
    context = {
        "projects": [each for each in projects if each.status != Project.Status.DELETED],
        "deleted": [each for each in projects if each.status == Project.Status.DELETED],
        "invitations": invitations_of(user),
    }
    return render(request, "manage/mine.html", context)
