"""Rules over what the index holds: quotas, one sdist a release, closed releases, names that look alike."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from accounts.actors import signed_in_actor
from accounts.callers import Caller
from accounts.models import User
from packages.acceptance import Acceptance, Receipt, accept_together
from packages.admin import ListedNameForm
from packages.admission import Holdings
from packages.errors import (
    FileTooLargeError,
    NameConfusableError,
    QuotaExceededError,
    ReleaseClosedError,
    SdistTakenError,
)
from packages.life.releases import reopen_release
from packages.models import AccountUsage, File, JournalEntry, ListedName, Project
from packages.name_lists import POPULAR_FILES, read_name_lists
from packages.names import look_alike
from packages.policy import Policy
from packages.usage import ChangedMeanwhileError, Growth, add_to_accounts, recount, take_off
from tests.accepting import NOW, caller, wanted

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann() -> Caller:
    return caller("ann")


def outcomes(*wishes: Acceptance) -> list[type]:
    """What became of each: Receipt, or the class of the refusal."""
    return [type(outcome) for outcome in accept_together(wishes)]


# --- one sdist ---


def test_a_release_has_one_sdist_within_a_group_and_later(ann: Caller) -> None:
    first, second = wanted("one-1.tar.gz", by=ann), wanted("one-1.zip", by=ann)
    assert outcomes(first, second, wanted("one-1-py3-none-any.whl", by=ann)) == [Receipt, SdistTakenError, Receipt]
    assert outcomes(second, wanted("one-2.zip", by=ann)) == [SdistTakenError, Receipt]
    assert accept_together([first]) == [Receipt("one-1.tar.gz", is_new=False)]


# --- room ---


def test_a_project_keeps_its_quota_within_a_group_and_later(ann: Caller) -> None:
    policy = Policy(project_quota=10)
    group = [wanted(f"one-{number}.tar.gz", by=ann, size=4, policy=policy) for number in range(4)]
    assert outcomes(*group) == [Receipt, Receipt, QuotaExceededError, QuotaExceededError]
    assert outcomes(wanted("one-5.tar.gz", by=ann, size=3, policy=policy)) == [QuotaExceededError]
    assert outcomes(wanted("one-6.tar.gz", by=ann, size=2, policy=policy)) == [Receipt]
    assert outcomes(wanted("two-1.tar.gz", by=ann, size=10, policy=policy)) == [Receipt]
    assert Project.objects.get(name="one").stored_bytes == 10
    assert Project.objects.get(name="one").stored_files == 3


def test_an_account_keeps_its_quota_over_all_its_projects(ann: Caller) -> None:
    policy, bob = Policy(account_quota=10), caller("bob")
    group = [wanted(f"p{number}-1.tar.gz", by=ann, size=4, policy=policy) for number in range(3)]
    assert outcomes(*group, wanted("q-1.tar.gz", by=bob, size=4, policy=policy)) == [
        Receipt,
        Receipt,
        QuotaExceededError,
        Receipt,
    ]
    assert outcomes(wanted("p4-1.tar.gz", by=ann, size=3, policy=policy)) == [QuotaExceededError]
    assert outcomes(wanted("p4-1.tar.gz", by=ann, size=2, policy=policy)) == [Receipt]
    assert dict(AccountUsage.objects.values_list("user__username", "stored_bytes")) == {"ann": 10, "bob": 4}


def test_what_an_administrator_sets_for_one_goes_before_the_settings(ann: Caller) -> None:
    policy = Policy(project_quota=10, account_quota=20, file_limit=5)
    assert outcomes(wanted("one-1.tar.gz", by=ann, size=5, policy=policy)) == [Receipt]
    assert outcomes(wanted("one-2.tar.gz", by=ann, size=6, policy=policy)) == [FileTooLargeError]
    Project.objects.update(file_limit=30)
    assert outcomes(wanted("one-2.tar.gz", by=ann, size=6, policy=policy)) == [QuotaExceededError]
    Project.objects.update(quota=0)
    assert outcomes(wanted("one-2.tar.gz", by=ann, size=16, policy=policy)) == [QuotaExceededError]
    AccountUsage.objects.update(quota=21)
    assert outcomes(wanted("one-2.tar.gz", by=ann, size=16, policy=policy)) == [Receipt]
    AccountUsage.objects.update(quota=0)
    assert outcomes(wanted("one-3.tar.gz", by=ann, size=30, policy=policy)) == [Receipt]


def test_what_another_process_used_up_meanwhile_is_noticed(ann: Caller) -> None:
    accept_together([wanted("one-1.tar.gz", by=ann, size=8)])
    with pytest.raises(ChangedMeanwhileError), transaction.atomic():
        add_to_accounts({ann.user_id: Growth(size=3, files=1, quota=10)}, known=[ann.user_id])
    add_to_accounts({ann.user_id: Growth(size=2, files=1, quota=10)}, known=[ann.user_id])
    with pytest.raises(IntegrityError), transaction.atomic():  # it made the row
        add_to_accounts({ann.user_id: Growth(size=1, files=1)}, known=[])


def test_files_that_go_give_their_room_back_and_a_recount_is_right(ann: Caller) -> None:
    accept_together([wanted(f"one-{number}.tar.gz", by=ann, size=10 + number) for number in range(3)])
    going = File.objects.filter(filename="one-2.tar.gz").select_related("release")
    take_off(going)
    going.delete()
    project = Project.objects.get()
    assert (project.stored_bytes, project.stored_files) == (21, 2)
    assert AccountUsage.objects.get().stored_bytes == 21
    Project.objects.update(stored_bytes=0, stored_files=0)
    recount(project)
    project.refresh_from_db()
    assert (project.stored_bytes, project.stored_files) == (21, 2)


# --- closed releases ---


def test_an_old_release_is_closed_until_an_owner_reopens_it(ann: Caller) -> None:
    policy, later = Policy(closed_after=timedelta(days=14)), NOW + timedelta(days=14, seconds=1)
    wheel = "one-1-py3-none-any.whl"
    accept_together([wanted("one-1.tar.gz", by=ann)])
    assert outcomes(wanted("one-1-1-py3-none-any.whl", by=ann, policy=policy, now=NOW + timedelta(days=14))) == [
        Receipt
    ]
    refused = wanted(wheel, by=ann, policy=policy, now=later)
    assert outcomes(refused, wanted("one-2.tar.gz", by=ann, policy=policy, now=later)) == [ReleaseClosedError, Receipt]
    assert accept_together([wanted("one-1.tar.gz", by=ann, policy=policy, now=later)]) == [
        Receipt("one-1.tar.gz", is_new=False)
    ]
    owner = signed_in_actor(User.objects.get(pk=ann.user_id))
    reopen_release(owner, "one", "1", until=later + timedelta(days=1), now=later)
    assert outcomes(refused) == [Receipt]
    after = wanted("one-1-2-py3-none-any.whl", by=ann, policy=policy, now=later + timedelta(days=1, seconds=1))
    assert outcomes(after) == [ReleaseClosedError]
    entry = JournalEntry.objects.get(act="release.reopened")
    assert (entry.actor, entry.project, entry.details["version"]) == ("ann", "one", "1")


# --- names ---


def test_of_names_that_look_alike_one_is_taken_within_a_group_and_later(ann: Caller) -> None:
    group = [wanted("demo-lib-1.tar.gz", by=ann), wanted("dem0l1b-1.tar.gz", by=ann)]
    assert outcomes(*group, wanted("demo-libs-1.tar.gz", by=ann)) == [Receipt, NameConfusableError, Receipt]
    assert outcomes(wanted("demoiib-1.tar.gz", by=ann)) == [NameConfusableError]
    assert outcomes(wanted("demoiib-1.tar.gz", by=ann, policy=Policy(any_name=True))) == [Receipt]


def test_a_project_that_another_upload_just_made_does_not_look_like_itself(ann: Caller) -> None:
    """Between the question for projects and that for look-alikes, that is."""
    wish = wanted("demo-lib-1.tar.gz", by=ann).wish
    before = Holdings.read([wish], lock=False)
    assert replace(before, look_alikes={look_alike("demo-lib"): "demo-lib"}).admit(wish)


def test_the_database_itself_lets_no_two_projects_look_alike() -> None:
    Project.objects.create(name="demo-lib", created_at=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        Project.objects.create(name="dem0lib", created_at=NOW)
    Project.objects.create(name="dem0lib", created_at=NOW, may_resemble=True)


def test_the_lists_hold_verdicts_and_popular_projects(ann: Caller) -> None:
    ListedName.objects.create(name="ours", reason="it is ours")
    ListedName.objects.create(name="email", verdict=ListedName.Verdict.ALLOWED)
    accept_together([wanted(f"popular-{number}.tar.gz", by=ann) for number in range(POPULAR_FILES)])
    accept_together([wanted(f"rare-{number}.tar.gz", by=ann) for number in range(POPULAR_FILES - 1)])
    lists = read_name_lists()
    assert lists.prohibited == {"ours": "it is ours"}
    assert lists.allowed == {"email"}
    assert lists.popular == ("popular",)


def test_a_listed_name_is_normalized_and_must_be_one() -> None:
    form = ListedNameForm({"name": "Our.Product", "verdict": "prohibited"})
    assert form.is_valid()
    assert form.save().name == "our-product"
    assert not ListedNameForm({"name": "näme", "verdict": "prohibited"}).is_valid()
    assert not ListedNameForm({"name": "OUR-product", "verdict": "allowed"}).is_valid()  # listed already


class LookAlikes(TestCase):
    """The database's own expression is the rule's, whatever the name."""

    @settings(max_examples=20, deadline=None)
    @given(st.lists(st.from_regex(r"[a-z0-9]+(-[a-z0-9]+){0,3}", fullmatch=True), max_size=5, unique=True))
    def test_the_column_is_what_the_rule_says(self, names: list[str]) -> None:
        Project.objects.bulk_create(
            Project(name=name[:200].strip("-"), created_at=NOW, may_resemble=True) for name in names
        )
        for name, column in Project.objects.values_list("name", "look_alike"):
            assert column == look_alike(name)
