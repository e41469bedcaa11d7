"""`/manage/`: one's projects, and what one is invited to."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.actors import signed_in_actor
from accounts.models import User
from indexsite_client.protocol import ProtocolError, normalize_name
from packages.life.acting import roles_of
from packages.manage.access import Managed, signed_in
from packages.manage.member_acts import answer_offers
from packages.manage.offers import Offers
from packages.manage.overview import invitations_of, projects_of
from packages.models import Invitation, Project


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def mine(request: HttpRequest) -> HttpResponse:
    """One's projects and invitations; administrators come to any other project from here."""
    user = signed_in(request)
    if request.method == "POST":
        return _answer_invitation(request, user)
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


def _answer_invitation(request: HttpRequest, user: User) -> HttpResponse:
    """Accept or decline; what is not offered any more is said."""
    invitation = Invitation.objects.filter(user=user, project__name=request.POST.get("target", "")).first()
    if invitation is None:
        messages.error(request, "That invitation was withdrawn or answered already.")
        return redirect("manage")
    project, actor = invitation.project, signed_in_actor(user)
    managed = Managed(project, actor, roles_of(actor, project))
    return Offers(managed, answer_offers(project, invitation.role)).take(request) or redirect("manage")
