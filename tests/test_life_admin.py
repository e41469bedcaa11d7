"""Acts in Django's admin: quarantine as an action on projects, and members that are named by hand."""

import pytest
from django.test import Client

from accounts.models import User
from packages.models import JournalEntry, Membership, Project
from tests.life import make_demo

pytestmark = pytest.mark.django_db


@pytest.fixture
def demo() -> Project:
    return make_demo()


@pytest.fixture
def browser() -> Client:
    browser = Client()
    browser.force_login(User.objects.create_superuser("boss"))
    return browser


def test_a_project_is_quarantined_and_released_by_an_action(demo: Project, browser: Client) -> None:
    for action, status in (("quarantine", "quarantined"), ("lift_quarantine", "active")):
        form = {"action": action, "_selected_action": [demo.pk]}
        assert browser.post("/admin/packages/project/", form).status_code == 302
        assert Project.objects.get().status == status
    acts = list(JournalEntry.objects.order_by("id").values_list("act", "actor"))
    assert acts == [("project.quarantined", "boss"), ("project.quarantine-lifted", "boss")]
    answer = browser.post("/admin/packages/project/", form, follow=True)
    assert "one cannot lift the quarantine of it now" in answer.content.decode()


def test_members_that_are_named_or_removed_by_hand_are_in_the_journal(demo: Project, browser: Client) -> None:
    members = list(Membership.objects.order_by("pk"))
    form: dict[str, object] = {
        "memberships-TOTAL_FORMS": len(members) + 1,
        "memberships-INITIAL_FORMS": len(members),
        "memberships-3-project": demo.pk,
        "memberships-3-user": User.objects.get(username="stranger").pk,
        "memberships-3-role": "owner",
        "memberships-0-DELETE": "on",
    }
    for number, member in enumerate(members):
        form |= {f"memberships-{number}-id": member.pk, f"memberships-{number}-project": demo.pk}
        form |= {f"memberships-{number}-user": member.user_id, f"memberships-{number}-role": member.role}
    answer = browser.post(f"/admin/packages/project/{demo.pk}/change/", form)
    assert answer.status_code == 302, answer.content.decode()
    entries = JournalEntry.objects.order_by("id").values_list("act", "details__user", "project", "actor")
    assert list(entries) == [
        ("member.set-by-hand", "stranger", "demo", "boss"),
        ("member.removed-by-hand", members[0].user.username, "demo", "boss"),
    ]
