"""`/manage/<name>/settings/` and `delete/`: a project as a whole."""

from django.conf import settings as django_settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from accounts.errors import AccessError
from packages.life.dependents import dependents_of
from packages.life.projects import deletion_of
from packages.life.rules import Act
from packages.manage.access import Managed, forbidden, managing
from packages.manage.offers import Offers
from packages.manage.project_acts import (
    STATUS,
    deletion_offer,
    publishers_offer,
    restore_offer,
    retention_offer,
    status_offers,
)
from packages.manage.views import first_names, show
from packages.models import Project, RetentionRule


@require_http_methods(["GET", "HEAD", "POST"])
@managing
def settings(request: HttpRequest, managed: Managed) -> HttpResponse:
    """Its status, whose attestations it takes, what is kept of its pre-releases, and its deletion or the way back."""
    project = managed.project
    rule = RetentionRule.objects.filter(project=project).first()
    named = list(project.attestation_identities.order_by("identity").values_list("identity", flat=True))
    acts = [*status_offers(project), publishers_offer(project, named), retention_offer(project, rule)]
    offers = Offers(managed, [*acts, restore_offer(project)])
    if answer := offers.take(request):
        return answer
    context = {
        "acts": list(offers.shown(*STATUS)),
        "retention": offers.one("retention"),
        "rule": rule,
        "publishers": offers.one("publishers"),
        "named": named,
        "named_by_index": django_settings.UPLOAD_POLICY.attested_by,
        "restore": offers.one("restore"),
        "may_delete": managed.may(Act.DELETE) and not offers.read_only,
    }
    return show(request, managed, "settings", context)


@require_http_methods(["GET", "HEAD", "POST"])
@managing
def delete(request: HttpRequest, managed: Managed) -> HttpResponse:
    """What goes with the project, and the form that ends it."""
    project = managed.project
    try:
        managed.check(Act.DELETE)
    except AccessError as error:
        raise forbidden(error) from error
    if project.status == Project.Status.DELETED:
        return redirect("manage-settings", name=project.name)
    offers = Offers(managed, [deletion_offer(project)])
    if answer := offers.take(request):
        return answer
    deletion = deletion_of(project.name)
    context = {
        "deletion": deletion,
        "releases": first_names(deletion.releases),
        "dependents": first_names(dependents_of(project.name)),
        "act": offers.one("delete"),
    }
    return show(request, managed, "delete", context)
