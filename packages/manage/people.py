"""`/manage/<name>/members/`: owners, maintainers, and who is invited."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from packages.manage.access import Managed, managing
from packages.manage.member_acts import invite_offer, member_offers, withdrawal_offer
from packages.manage.offers import Offers
from packages.manage.views import show
from packages.models import Invitation, Membership

_OF_MEMBER = ("change-role", "remove", "leave")


@require_http_methods(["GET", "HEAD", "POST"])
@managing
def members(request: HttpRequest, managed: Managed) -> HttpResponse:
    """The members, each with what may be done, and a form to invite one."""
    project, me = managed.project, managed.actor.username
    people = list(Membership.objects.filter(project=project).select_related("user").order_by("-role", "user__username"))
    owners = [each for each in people if each.role == Membership.Role.OWNER and each.user.is_active]
    invited = list(Invitation.objects.filter(project=project).select_related("user").order_by("created_at"))
    offered = [invite_offer(project)]
    for each in people:
        offered += member_offers(project, each, by=me, is_last_owner=owners in ([each], []))
    offers = Offers(managed, [*offered, *(withdrawal_offer(project, each) for each in invited)])
    if answer := offers.take(request):
        return answer
    context = {
        "people": [(each, list(offers.shown(*_OF_MEMBER, target=each.user.username))) for each in people],
        "invited": [(each, offers.one("withdraw", each.user.username)) for each in invited],
        "invite": offers.one("invite"),
        "me": me,
    }
    return show(request, managed, "members", context)
