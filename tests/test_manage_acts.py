"""The other acts on the pages of management: status, deletion, members, invitations, retention."""

from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from pytest_django import Settings

from accounts.models import User
from packages.attestations.identities import read_identities
from packages.attestations.models import AttestationIdentity
from packages.life.rules import RULES, Act, Role
from packages.models import (
    File,
    Invitation,
    JournalEntry,
    Membership,
    OutboxEntry,
    Project,
    Release,
    RetentionRule,
)
from packages.policy import Policy
from tests.life import EVERYBODY, FILE, MEMBERS, OPEN, STATUSES, add_dependent, add_release, everything, make_demo, put
from tests.test_manage import offered, signed_in, text
from tests.test_pages import Page

pytestmark = pytest.mark.django_db
SETTINGS, MEMBERS_PAGE, DELETE = "/manage/demo/settings/", "/manage/demo/members/", "/manage/demo/delete/"


@pytest.fixture(autouse=True)
def demo() -> Project:
    return make_demo()


@dataclass(frozen=True)
class Case:
    """An act on a page: its rule, the fields of its form, its entry in the journal, and the status it begins with."""

    act: Act
    path: str
    journalled: str
    fields: dict[str, str] = field(default_factory=dict)
    status: str = "active"


CASES = {
    "archive": Case(Act.ARCHIVE, SETTINGS, "project.archived", {"reason": "done"}),
    "unarchive": Case(Act.UNARCHIVE, SETTINGS, "project.unarchived", status="archived"),
    "deprecate": Case(Act.DEPRECATE, SETTINGS, "project.deprecated", {"reason": ""}),
    "undeprecate": Case(Act.UNDEPRECATE, SETTINGS, "project.undeprecated", status="deprecated"),
    "quarantine": Case(Act.QUARANTINE, SETTINGS, "project.quarantined", {"reason": "malware"}),
    "lift-quarantine": Case(Act.LIFT_QUARANTINE, SETTINGS, "project.quarantine-lifted", status="quarantined"),
    "restore": Case(Act.RESTORE, SETTINGS, "project.restored", status="deleted"),
    "retention": Case(Act.SET_RETENTION, SETTINGS, "retention.set", {"keep": "newest", "number": "3"}),
    "publishers": Case(Act.NAME_PUBLISHERS, SETTINGS, "publishers.named", {"publishers": "github:acme/*"}),
    "delete": Case(Act.DELETE, DELETE, "project.deleted", {"confirm": "demo"}),
    "invite": Case(Act.INVITE, MEMBERS_PAGE, "member.invited", {"username": "stranger", "role": "owner"}),
    "change-role": Case(Act.INVITE, MEMBERS_PAGE, "member.invited", {"target": "second"}),
    "withdraw": Case(Act.INVITE, MEMBERS_PAGE, "member.invitation-withdrawn", {"target": "invited"}),
    "remove": Case(Act.REMOVE_MEMBER, MEMBERS_PAGE, "member.removed", {"target": "second"}),
}


def allowed(act: Act, who: str, status: str) -> bool:
    """By the one table of rules; while a project is quarantined, administrators only."""
    roles = RULES[act].roles & {Role.ADMINISTRATOR} if status == "quarantined" else RULES[act].roles
    return {"invited": Role.INVITED, "stranger": None}.get(who, Role(who) if who in MEMBERS else None) in roles


@pytest.mark.parametrize("who", sorted(EVERYBODY))
@pytest.mark.parametrize("key", CASES)
def test_an_act_is_done_for_those_who_may_and_refused_to_others(key: str, who: str) -> None:
    case = CASES[key]
    put(case.status)
    before = everything()
    answer = signed_in(who).post(case.path, {"act": key, **case.fields}, follow=True)
    if not allowed(case.act, who, case.status):
        assert answer.status_code == (404 if case.status == "deleted" and who == "stranger" else 403)
        assert everything() == before
        return
    assert answer.status_code == 200
    page = Page(answer.content.decode())
    assert page.faults == []
    assert ("ul", {"class": "messages", "role": "status"}) in page.tags
    assert 'class="error"' not in answer.content.decode()
    entry = JournalEntry.objects.order_by("-id").first()
    assert entry is not None
    assert (entry.act, entry.actor) == (case.journalled, who)


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("who", sorted(MEMBERS))
def test_what_is_offered_is_what_the_rules_allow_in_each_status(who: str, status: str) -> None:
    put(status)
    browser = signed_in(who)
    for path in (SETTINGS, MEMBERS_PAGE):
        rules = {key: case.act for key, case in CASES.items() if case.path == path}
        wanted = {key for key, act in rules.items() if allowed(act, who, status) and status in RULES[act].statuses}
        if status in OPEN:
            wanted -= {{"archived": "archive", "deprecated": "deprecate"}.get(status, "")}
            wanted |= {"leave"} if path == MEMBERS_PAGE and who != "administrator" else set()
        assert offered(browser.get(path).content) == wanted
    shown = browser.get(SETTINGS)
    assert ("/manage/demo/delete/" in shown.content.decode()) == (
        allowed(Act.DELETE, who, status) and status in RULES[Act.DELETE].statuses
    )


def test_a_project_is_deleted_once_its_name_is_typed_and_all_that_goes_is_shown(demo: Project) -> None:
    for name, line in (("other", 'De_Mo.X; extra == "no"'), ("demo-far", "demo-extra>=1"), ("other", "DEMO[all] >= 1")):
        add_dependent(name, line)
    browser = signed_in("owner")
    shown = text(browser.get(DELETE).content)
    assert "Releases 1 Files 1 Size 7" in shown
    assert "Members 3 Invitations 1" in shown
    assert "1 other project of this index requires it" in shown
    assert "demo-far" not in shown
    before = everything()
    assert "That is not the project’s name" in text(browser.post(DELETE, {"act": "delete", "confirm": "x"}).content)
    assert everything() == before
    assert browser.post(DELETE, {"act": "delete", "confirm": " DEMO "}).headers["Location"] == "/manage/"
    assert Project.every.get(name="demo").status == "deleted"
    assert browser.get(DELETE).headers["Location"] == SETTINGS
    assert "Its name is kept" in text(browser.get(SETTINGS).content)
    assert signed_in("maintainer").get(DELETE).status_code == 403


def test_a_project_that_nobody_requires_says_so() -> None:
    assert "No other project of this index says that it requires Demo" in text(signed_in("owner").get(DELETE).content)


def test_an_invitation_is_accepted_or_declined_on_ones_own_page() -> None:
    browser = signed_in("invited")
    page = browser.get("/manage/").content
    assert offered(page) == {"accept", "decline"}
    assert browser.get("/manage/demo/").status_code == 403
    answer = browser.post("/manage/", {"act": "accept", "target": "demo"}, follow=True)
    assert "You are maintainer of demo now." in text(answer.content)
    assert browser.get("/manage/demo/").status_code == 200
    assert "answered already" in text(
        browser.post("/manage/", {"act": "accept", "target": "demo"}, follow=True).content
    )
    owner = signed_in("owner")
    owner.post(MEMBERS_PAGE, {"act": "change-role", "target": "invited"})
    assert Membership.objects.get(user__username="invited").role == "maintainer"
    browser.post("/manage/", {"act": "decline", "target": "demo"})
    assert not Invitation.objects.exists()
    assert JournalEntry.objects.order_by("id").values_list("act", flat=True).last() == "member.declined"


def test_nobody_answers_the_invitation_of_another() -> None:
    before = everything()
    signed_in("stranger").post("/manage/", {"act": "accept", "target": "demo"})
    assert everything() == before


@pytest.mark.parametrize(
    ("username", "said"),
    [("nobody", "There is no user nobody here"), ("second", "second is owner of demo already"), ("", "required")],
)
def test_an_invitation_that_cannot_be_is_refused_beside_its_field(username: str, said: str) -> None:
    before = everything()
    answer = signed_in("owner").post(MEMBERS_PAGE, {"act": "invite", "username": username, "role": "owner"})
    assert said in text(answer.content)
    assert 'class="field faulty"' in answer.content.decode()
    assert everything() == before


def test_one_leaves_but_not_as_the_last_owner() -> None:
    maintainer = signed_in("maintainer")
    answer = maintainer.post(MEMBERS_PAGE, {"act": "leave", "target": "maintainer"}, follow=True)
    assert "You are no longer a member of demo." in text(answer.content)
    signed_in("second").post(MEMBERS_PAGE, {"act": "leave", "target": "second"})
    owner = signed_in("owner")
    assert offered(owner.get(MEMBERS_PAGE).content) == {"invite", "withdraw"}
    answer = owner.post(MEMBERS_PAGE, {"act": "leave", "target": "owner"}, follow=True)
    assert "This is the last owner of demo" in text(answer.content)
    assert Membership.objects.get().user.username == "owner"


def test_nobody_leaves_for_another() -> None:
    before = everything()
    assert signed_in("maintainer").post(MEMBERS_PAGE, {"act": "remove", "target": "owner"}).status_code == 403
    signed_in("maintainer").post(MEMBERS_PAGE, {"act": "leave", "target": "owner"})
    assert everything() == before


def test_a_rule_that_deletes_at_once_asks_first(demo: Project) -> None:
    for version in ("2.0a1", "2.0a2", "2.0a3"):
        add_release(demo, version, days=30)
    browser, rule = signed_in("owner"), {"act": "retention", "keep": "newest", "number": "1"}
    asked = browser.post(SETTINGS, rule)
    assert "This deletes 2 pre-releases within the hour" in text(asked.content)
    assert "2.0a2, 2.0a1." in text(asked.content)
    assert not RetentionRule.objects.exists()
    browser.post(SETTINGS, {**rule, "understood": "yes"})
    assert RetentionRule.objects.values_list("keep_newest", "max_days").get() == (1, None)
    shown = Page(browser.get(SETTINGS).content.decode())
    assert [attrs["value"] for tag, attrs in shown.tags if tag == "input" and "checked" in attrs] == ["newest"]
    browser.post(SETTINGS, {"act": "retention", "keep": "days", "number": "3650"})
    assert RetentionRule.objects.values_list("keep_newest", "max_days").get() == (None, 3650)
    browser.post(SETTINGS, {"act": "retention", "keep": "all"})
    assert not RetentionRule.objects.exists()
    assert File.objects.count() == 4  # the worker deletes, not the page


@pytest.mark.parametrize(
    "fields",
    [{"keep": "newest"}, {"keep": "days", "number": "0"}, {"keep": "x"}, {"keep": "days", "number": "9999999"}],
)
def test_a_rule_that_is_none_is_refused_beside_its_field(fields: dict[str, str]) -> None:
    answer = signed_in("owner").post(SETTINGS, {"act": "retention", **fields})
    assert 'class="field faulty"' in answer.content.decode()
    assert Page(answer.content.decode()).faults == []
    assert not RetentionRule.objects.exists()


def test_an_old_release_is_reopened_where_age_closes_releases(settings: Settings) -> None:
    path = "/manage/demo/releases/1.0/"
    assert "reopen" not in offered(signed_in("owner").get(path).content)
    settings.UPLOAD_POLICY = Policy(closed_after=timedelta(days=14))
    assert "reopen" not in offered(signed_in("maintainer").get(path).content)
    assert "reopen" in offered(signed_in("owner").get(path).content)
    signed_in("owner").post(path, {"act": "reopen", "days": "3"})
    until = Release.objects.get().reopened_until
    assert until is not None
    assert timedelta(days=2) < until - JournalEntry.objects.get().at <= timedelta(days=3)
    page = signed_in("owner").get(path).content
    assert "reopen" not in offered(page)
    assert "It takes new files until" in text(page)


def test_nothing_changes_while_the_index_is_read_only(settings: Settings) -> None:
    settings.UPLOAD_POLICY = Policy(read_only="we move house")
    assert "No file is taken at the moment: we move house" in text(signed_in("owner").get("/upload/").content)
    before = everything()
    browser = signed_in("owner")
    for path, fields in ((SETTINGS, {"act": "archive"}), (DELETE, {"act": "delete", "confirm": "demo"})):
        page = browser.get(path).content
        assert offered(page) == set()
        assert "we move house" in text(page)
        assert "read-only" in text(browser.post(path, fields, follow=True).content)
    assert everything() == before


def test_who_acts_is_the_one_who_signed_in_and_publishing_is_asked_for() -> None:
    signed_in("owner").post("/manage/demo/releases/1.0/", {"act": "delete-file", "target": FILE, "confirm": "demo"})
    assert OutboxEntry.objects.count() == 1
    assert JournalEntry.objects.get().actor == "owner"


def test_an_account_that_was_closed_acts_no_more() -> None:
    browser = signed_in("owner")
    User.objects.filter(username="owner").update(is_active=False)
    assert browser.post(SETTINGS, {"act": "archive"}).status_code == 302
    assert Project.objects.get().status == "active"


def test_publishers_are_named_one_a_line_and_what_is_none_is_said_beside_the_field() -> None:
    owner, path = signed_in("owner"), {"act": "publishers"}
    assert "Nobody’s attestations count" in text(owner.get(SETTINGS).content)
    before = everything()
    refused = owner.post(SETTINGS, {**path, "publishers": "github:acme/demo\ngithub:acme"})
    assert "'github:acme' names no publisher; write it as one of" in text(refused.content)
    assert 'class="field faulty"' in refused.content.decode()
    assert everything() == before
    owner.post(SETTINGS, {**path, "publishers": "gitlab:acme/tools/demo\r\ngithub:acme/demo@release.yml "})
    shown = owner.get(SETTINGS).content.decode()
    assert "github:acme/demo@release.yml\ngitlab:acme/tools/demo</textarea>" in shown
    for_others = text(signed_in("maintainer").get(SETTINGS).content)
    assert "that the project names: github:acme/demo@release.yml, gitlab:acme/tools/demo. Others" in for_others
    owner.post(SETTINGS, {**path, "publishers": ""})
    assert "of these publishers" not in text(owner.get(SETTINGS).content)  # there are none
    assert not AttestationIdentity.objects.exists()


def test_whom_the_index_names_is_said(settings: Settings) -> None:
    settings.UPLOAD_POLICY = Policy(attested_by=read_identities("github:acme/*"))
    assert "that the index names: github:acme/*" in text(signed_in("owner").get(SETTINGS).content)
