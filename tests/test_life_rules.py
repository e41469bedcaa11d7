"""Every act on a project by everybody: who may, in which status, what the journal says, and what is signed anew."""

from datetime import timedelta

import pytest
from django.db.models import ProtectedError

from accounts.actors import token_actor
from accounts.callers import Caller, Scope
from accounts.errors import ProjectForbiddenError, ScopeMissingError
from accounts.models import User
from packages import usage
from packages.attestations.models import AttestationIdentity
from packages.attestations.naming import PublishersFaultyError, name_publishers
from packages.life import members, projects, releases
from packages.life.errors import (
    AlreadyMemberError,
    LastOwnerError,
    LifeError,
    MomentFaultyError,
    NotThereError,
    ReasonFaultyError,
    StatusForbidsError,
)
from packages.life.rules import RULES, Act, ActForbiddenError
from packages.models import File, JournalEntry, Membership, OutboxEntry, Project, Release
from tests.life import (
    ADMINISTRATORS,
    CASES,
    EVERYBODY,
    FILE,
    NOW,
    STATUSES,
    actor,
    add_release,
    everything,
    make_demo,
    put,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def demo() -> Project:
    return make_demo()


def test_the_table_of_the_tests_has_every_act() -> None:
    assert {case.act for case in CASES.values()} == set(Act) == set(RULES)


@pytest.mark.parametrize("who", sorted(EVERYBODY))
@pytest.mark.parametrize("name", CASES)
def test_who_may_acts_with_a_journal_entry_and_who_may_not_changes_nothing(name: str, who: str) -> None:
    case = CASES[name]
    put(case.statuses[0])
    case.before()
    before = everything()
    if who not in case.allowed:
        with pytest.raises((ActForbiddenError, NotThereError)) as refused:
            case.do(actor(who))
        assert isinstance(refused.value, ActForbiddenError) or name == "leave"  # who is no member has nothing to leave
        assert everything() == before
        return
    case.do(actor(who))
    entry = JournalEntry.objects.order_by("-id").first()
    assert entry is not None
    assert (entry.act, entry.actor, entry.project, entry.at) == (case.journalled, who, "demo", NOW)
    assert OutboxEntry.objects.count() == case.publishes


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("name", CASES)
def test_an_act_is_done_in_the_statuses_where_it_makes_sense(name: str, status: str) -> None:
    case = CASES[name]
    put(status)
    case.before()
    before = everything()
    by = "administrator" if "administrator" in case.allowed else sorted(case.allowed)[0]
    if status in case.statuses:
        case.do(actor(by))
        assert everything() != before
    else:
        with pytest.raises((StatusForbidsError, ActForbiddenError)):
            case.do(actor(by))
        assert everything() == before


@pytest.mark.parametrize("name", CASES)
def test_while_a_project_is_quarantined_nobody_but_an_administrator_acts(name: str) -> None:
    put("quarantined")
    CASES[name].before()
    for who in EVERYBODY - ADMINISTRATORS:
        with pytest.raises((ActForbiddenError, NotThereError)):
            CASES[name].do(actor(who))


def test_a_token_acts_with_the_scope_admin_and_on_its_projects_only() -> None:
    owner = User.objects.get(username="owner")
    upload = Caller(owner.pk, "owner", 5, frozenset({Scope.UPLOAD}), frozenset())
    with pytest.raises(ScopeMissingError):
        token_actor(upload)
    elsewhere = token_actor(Caller(owner.pk, "owner", 6, frozenset({Scope.ADMIN}), frozenset({"other"})))
    with pytest.raises(ProjectForbiddenError):
        projects.archive_project(elsewhere, "demo", now=NOW)
    here = token_actor(Caller(owner.pk, "owner", 7, frozenset({Scope.ADMIN}), frozenset({"demo"})))
    assert projects.archive_project(here, "demo", now=NOW)
    assert JournalEntry.objects.values_list("actor", "token").last() == ("owner", 7)
    assert not here.is_administrator


def test_doing_the_same_again_changes_nothing_and_another_reason_does() -> None:
    owner = actor("owner")
    assert releases.yank_release(owner, "demo", "1.0", reason="broken", now=NOW)
    before = everything()
    assert not releases.yank_release(owner, "demo", "1.0", reason=" broken ", now=NOW)
    assert not releases.unyank_file(owner, "demo", FILE, now=NOW)
    assert everything() == before
    assert releases.yank_release(owner, "demo", "1.0", reason="worse", now=NOW)


@pytest.mark.parametrize("reason", ["two\nlines", "a\x00b", "x" * 501, "\x1b[31mred", "\ud800"])
def test_a_reason_is_one_line_of_plain_text(reason: str) -> None:
    before = everything()
    with pytest.raises(ReasonFaultyError):
        projects.archive_project(actor("owner"), "demo", reason=reason, now=NOW)
    assert everything() == before
    assert projects.archive_project(actor("owner"), "demo", reason="Ümläute <b> & 500 ✓ " + "x" * 480, now=NOW)


@pytest.mark.parametrize("version", ["2.0", "nonsense", ""])
def test_what_is_not_there_is_said(version: str) -> None:
    with pytest.raises(NotThereError):
        releases.yank_release(actor("owner"), "demo", version, now=NOW)
    with pytest.raises(NotThereError):
        releases.delete_file(actor("owner"), "demo", f"demo-{version}.zip", now=NOW)
    with pytest.raises(NotThereError):
        releases.delete_file(actor("owner"), "other", FILE, now=NOW)


def test_a_deleted_file_is_no_release_and_cannot_be_deleted_twice() -> None:
    releases.delete_file(actor("owner"), "demo", FILE, now=NOW)
    assert File.every.get().state == "deleted"
    for act in (releases.delete_release, releases.yank_release):
        with pytest.raises(NotThereError):
            act(actor("owner"), "demo", "1.0", now=NOW)


def test_a_quarantine_remembers_status_and_reason() -> None:
    owner, administrator = actor("owner"), actor("administrator")
    projects.deprecate_project(owner, "demo", reason="use other", now=NOW)
    projects.quarantine_project(administrator, "demo", reason="malware?", now=NOW)
    assert File.objects.get().state == "withheld"
    projects.lift_quarantine(administrator, "demo", now=NOW)
    project = Project.objects.get()
    assert (project.status, project.status_reason) == ("deprecated", "use other")
    assert File.objects.get().state == "waiting"


def test_what_goes_with_a_project_is_told_before_it_is_deleted(demo: Project) -> None:
    add_release(demo, "2.0")
    told = projects.deletion_of("demo")
    assert (told.releases, told.files, told.size) == (("1.0", "2.0"), (FILE, "demo-2.0.tar.gz"), 14)
    assert (told.members, told.invitations) == (("maintainer", "owner", "second"), 1)
    projects.delete_project(actor("owner"), "demo", now=NOW)
    deleted = JournalEntry.objects.filter(act="file.deleted").values_list("details__filename", flat=True)
    assert set(deleted) == set(told.files)
    with pytest.raises(NotThereError):
        projects.deletion_of("demo")
    assert not Project.objects.exists()
    assert not File.objects.exists()
    projects.restore_project(actor("owner"), "demo", now=NOW)
    assert projects.deletion_of("demo").files == ()


def test_a_project_is_never_left_without_an_owner() -> None:
    members.remove_member(actor("second"), "demo", "second", now=NOW)
    with pytest.raises(LastOwnerError):
        members.remove_member(actor("owner"), "demo", "owner", now=NOW)
    with pytest.raises(LastOwnerError):
        members.remove_member(actor("administrator"), "demo", "owner", now=NOW)
    members.invite(actor("administrator"), "demo", "owner", Membership.Role.MAINTAINER, now=NOW)
    with pytest.raises(LastOwnerError):
        members.accept_invitation(actor("owner"), "demo", now=NOW)
    members.remove_member(actor("owner"), "demo", "maintainer", now=NOW)
    assert list(Membership.objects.values_list("user__username", "role")) == [("owner", "owner")]


def test_an_invitation_gives_the_role_only_once_it_is_accepted() -> None:
    owner = actor("owner")
    members.invite(owner, "demo", "maintainer", Membership.Role.OWNER, now=NOW)
    assert Membership.objects.get(user__username="maintainer").role == "maintainer"
    members.accept_invitation(actor("maintainer"), "demo", now=NOW)
    assert Membership.objects.get(user__username="maintainer").role == "owner"
    with pytest.raises(ActForbiddenError):
        members.accept_invitation(actor("maintainer"), "demo", now=NOW)
    with pytest.raises(AlreadyMemberError):
        members.invite(owner, "demo", "maintainer", Membership.Role.OWNER, now=NOW)
    with pytest.raises(NotThereError):
        members.invite(owner, "demo", "nobody", Membership.Role.OWNER, now=NOW)


def test_every_refusal_has_a_code_of_its_own() -> None:
    codes = [LifeError.code, *(kind.code for kind in LifeError.__subclasses__()), ActForbiddenError.code]
    assert len(set(codes)) == len(codes)


def test_what_is_deleted_counts_no_longer_and_its_release_is_described_anew(demo: Project) -> None:
    usage.recount(demo)
    before = Project.objects.get(name="demo")
    releases.delete_file(actor("owner"), "demo", FILE, now=NOW)
    after = Project.objects.get(name="demo")
    size = File.every.get(filename=FILE).size
    assert size > 0
    assert Release.objects.get(files__filename=FILE).describe_at == NOW  # another file speaks for it now
    assert (before.stored_bytes - after.stored_bytes, before.stored_files - after.stored_files) == (size, 1)


def test_publishers_are_named_in_one_form_and_what_is_none_changes_nothing() -> None:
    owner = actor("owner")
    assert name_publishers(owner, "demo", [" github:acme/demo@a.yml", "gitlab:acme/*", "gitlab:acme/* "], now=NOW)
    named = AttestationIdentity.objects.order_by("identity").values_list("identity", flat=True)
    assert list(named) == ["github:acme/demo@a.yml", "gitlab:acme/*"]
    before = everything()
    assert not name_publishers(owner, "demo", ["gitlab:acme/*", "github:acme/demo@a.yml"], now=NOW)
    for faulty in (["github:acme"], [f"github:acme/demo{number}" for number in range(21)]):
        with pytest.raises(PublishersFaultyError):
            name_publishers(owner, "demo", faulty, now=NOW)
    assert everything() == before


def test_the_offers_to_and_by_a_member_end_with_the_membership() -> None:
    members.invite(actor("owner"), "demo", "maintainer", Membership.Role.OWNER, now=NOW)
    members.invite(actor("second"), "demo", "stranger", Membership.Role.OWNER, now=NOW)
    members.remove_member(actor("owner"), "demo", "maintainer", now=NOW)
    members.remove_member(actor("owner"), "demo", "second", now=NOW)
    for name in ("maintainer", "stranger"):
        with pytest.raises(ActForbiddenError):
            members.accept_invitation(actor(name), "demo", now=NOW)
    members.accept_invitation(actor("invited"), "demo", now=NOW)  # whom somebody invited who is still there
    withdrawn = JournalEntry.objects.filter(act="member.invitation-withdrawn").values_list("details__user", flat=True)
    assert sorted(withdrawn) == ["maintainer", "stranger"]


def test_a_closed_account_is_no_owner_that_a_project_could_rely_on() -> None:
    User.objects.filter(username="second").update(is_active=False)
    with pytest.raises(LastOwnerError):
        members.remove_member(actor("owner"), "demo", "owner", now=NOW)
    with pytest.raises(ProtectedError):
        User.objects.get(username="owner").delete()
    members.remove_member(actor("owner"), "demo", "second", now=NOW)


def test_a_release_is_not_reopened_for_ever() -> None:
    with pytest.raises(MomentFaultyError):
        releases.reopen_release(actor("owner"), "demo", "1.0", until=NOW + timedelta(days=32), now=NOW)
