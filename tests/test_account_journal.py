"""A last owner's account stays; and tokens are in the journal, without their text."""

import json
import re
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db.models import ProtectedError
from django.test import Client

from accounts.callers import Scope, create_token
from accounts.models import Token, User
from packages.models import AccountUsage, JournalEntry, Membership, Project
from tests import api
from tests.life import NOW, make_demo

pytestmark = pytest.mark.django_db
PASSWORD = "lovely-engines-1843"
TOKEN = re.compile(r"ixs_[0-9A-Za-z]{49}")


def entries() -> list[tuple[str, str, dict[str, object]]]:
    return list(JournalEntry.objects.order_by("id").values_list("act", "actor", "details"))


@pytest.fixture
def ada() -> User:
    return User.objects.create_user("ada")


@pytest.fixture
def boss() -> Client:
    browser = Client()
    browser.force_login(User.objects.create_superuser("boss"))
    return browser


def test_making_and_revoking_a_token_on_ones_page_is_journalled(ada: User) -> None:
    browser = Client()
    browser.force_login(ada)
    form = {"name": "laptop", "scope": "upload", "projects": "Demo other", "days": "30"}
    [text] = TOKEN.findall(browser.post("/account/tokens/", form).content.decode())
    token = Token.objects.get()
    made = {"user": "ada", "number": token.pk, "name": "laptop", "scopes": "upload", "projects": "demo other"}
    assert entries() == [("token.created", "ada", made)]
    for _ in range(2):  # the second time nothing is left to be done
        browser.post(f"/account/tokens/{token.pk}/revoke/")
    assert entries()[1:] == [("token.revoked", "ada", {"user": "ada", "number": token.pk, "name": "laptop"})]
    assert text not in json.dumps(entries())
    assert token.digest not in json.dumps(entries())


def test_a_token_that_is_made_on_the_server_is_journalled(ada: User, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("create_token", "--user", "ada", "--scope", "read", "--name", "CI")
    [(act, actor, details)] = entries()
    assert (act, actor, details["user"], details["scopes"]) == ("token.created", "indexsite", "ada", "read")
    assert TOKEN.findall(capsys.readouterr().out)
    assert not TOKEN.findall(json.dumps(entries()))


def test_revoking_a_token_by_the_api_is_journalled(ada: User) -> None:
    headers = api.token("ada")
    made = Token.objects.get()
    api.call("DELETE", f"tokens/{made.pk}/", headers)
    act, actor, details = entries()[-1]
    assert (act, actor, details["number"]) == ("token.revoked", "ada", made.pk)


def test_what_is_done_to_tokens_by_hand_is_journalled(ada: User, boss: Client) -> None:
    create_token(ada, scopes=[Scope.READ], projects=(), now=NOW, lifetime=timedelta(days=1))
    token = Token.objects.get()
    change = {"revoked_at_0": "2026-01-01", "revoked_at_1": "00:00", "expires_at_0": "", "expires_at_1": ""}
    assert boss.post(f"/admin/accounts/token/{token.pk}/change/", change).status_code == 302
    assert Token.objects.get().revoked_at is not None
    boss.post(f"/admin/accounts/token/{token.pk}/delete/", {"post": "yes"})
    acts = [(act, actor, details["number"]) for act, actor, details in entries()[1:]]
    assert acts == [("token.changed-by-hand", "boss", token.pk), ("token.deleted-by-hand", "boss", token.pk)]
    assert not Token.objects.exists()


def test_what_is_done_to_accounts_and_limits_by_hand_is_journalled(ada: User, boss: Client) -> None:
    make_demo()
    place = f"/admin/accounts/user/{ada.pk}"
    shown = boss.get(f"{place}/change/").context["adminform"].form
    joined = shown.initial["date_joined"]
    form = {"username": "eve", "is_staff": "on", "is_active": "on"}
    form |= {"date_joined_0": f"{joined:%Y-%m-%d}", "date_joined_1": f"{joined:%H:%M:%S}"}
    boss.post(f"{place}/change/", form)
    boss.post(f"{place}/password/", {"usable_password": "true", "password1": PASSWORD, "password2": PASSWORD})
    boss.post("/admin/packages/listedname/add/", {"name": "ours", "verdict": "prohibited", "reason": ""})
    [(_, _, renamed), *others] = entries()
    assert (renamed["name"], renamed["before"]) == ("eve", "ada")
    assert "is_staff" in str(renamed["fields"])
    assert PASSWORD not in json.dumps(entries())
    assert [(act, details["fields"]) for act, _, details in others] == [
        ("account.changed-by-hand", "password"),
        ("listed-name.added-by-hand", "name"),
    ]


def test_a_token_that_cannot_be_journalled_is_not_made(ada: User) -> None:
    with pytest.raises(AttributeError):
        create_token(ada, scopes=[], projects=(), now=NOW, lifetime=None, by=object())  # type: ignore[arg-type]
    assert not Token.objects.exists()


@pytest.fixture
def demo() -> Project:
    """A project with two owners, one of whom owns another project alone."""
    demo = make_demo()
    alone = Project.objects.create(name="alone", display_name="Alone", created_at=NOW)
    Membership.objects.create(project=alone, user=User.objects.get(username="second"), role="owner")
    return demo


def delete(boss: Client, *names: str) -> str:
    """By the page of one, or the action on several."""
    keys = [User.objects.get(username=name).pk for name in names]
    if len(keys) == 1:
        answer = boss.post(f"/admin/accounts/user/{keys[0]}/delete/", {"post": "yes"})
    else:
        form = {"action": "delete_selected", "_selected_action": keys, "post": "yes"}
        answer = boss.post("/admin/accounts/user/", form)
    return answer.content.decode()


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["second"], "second is owner of alone: name another owner first"),
        (["owner", "second"], "owner is owner of demo"),
        (["second", "maintainer"], "second is owner of alone"),
    ],
)
def test_the_last_owners_account_stays_and_the_page_names_the_projects(
    demo: Project, boss: Client, names: list[str], said: str
) -> None:
    before = list(Membership.objects.values())
    assert said in delete(boss, *names)
    assert User.objects.filter(username__in=names).count() == len(names)
    assert list(Membership.objects.values()) == before
    assert not JournalEntry.objects.exists()


def test_not_even_a_program_deletes_the_last_owners_account(demo: Project) -> None:
    with pytest.raises(ProtectedError) as refused:
        User.objects.get(username="second").delete()
    assert {str(each) for each in refused.value.protected_objects} == {"second is owner of alone"}
    with pytest.raises(ProtectedError) as refused:
        User.objects.filter(username__in=["owner", "second"]).delete()
    assert len(refused.value.protected_objects) == 3


def test_an_account_that_others_can_do_without_is_deleted_and_journalled(demo: Project, boss: Client) -> None:
    for user in User.objects.filter(username__in=["owner", "maintainer"]):
        AccountUsage.objects.create(user=user, stored_bytes=7)
    delete(boss, "owner", "maintainer")
    assert set(Membership.objects.values_list("user__username", "project__name")) == {
        ("second", "demo"),
        ("second", "alone"),
    }
    members = JournalEntry.objects.filter(act="member.removed-with-account", actor="boss", project="demo")
    assert set(members.values_list("details__user", flat=True)) == {"owner", "maintainer"}
    assert JournalEntry.objects.filter(act="account.deleted-by-hand").count() == 2
    Project.every.filter(name="alone").update(status="deleted")
    Membership.objects.create(project=demo, user=User.objects.get(username="stranger"), role="owner")
    delete(boss, "second")  # what is deleted already can do without
    assert not User.objects.filter(username="second").exists()
