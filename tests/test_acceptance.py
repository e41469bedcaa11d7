"""Several uploads in one transaction: each has its own receipt or refusal, as if it had come alone."""

import pytest
from django.db import IntegrityError

from accounts.errors import ProjectForbiddenError
from indexsite.models import QueuedMessage
from packages.acceptance import Receipt, accept_together
from packages.admission import Holdings
from packages.errors import FilenameDeletedError, FilenameTakenError, ProjectClosedError, UploadsCollideError
from packages.models import File, JournalEntry, Membership, OutboxEntry, Project, Release
from packages.prepared import Prepared
from tests.accepting import NOW, caller, wanted

pytestmark = pytest.mark.django_db


def test_each_of_a_group_is_answered_as_if_it_had_come_alone() -> None:
    ann, bob = caller("ann"), caller("bob")
    assert accept_together([wanted("known-1.tar.gz", by=bob)]) == [Receipt("known-1.tar.gz", is_new=True)]
    outcomes = accept_together(
        [
            wanted("new-1.tar.gz", by=ann),
            wanted("new-2.tar.gz", by=bob),
            wanted("new-1.tar.gz", by=ann),
            wanted("new-1.tar.gz", by=ann, sha256="b" * 64),
            wanted("known-2.tar.gz", by=ann),
            wanted("known-1-py3-none-any.whl", by=bob),
            wanted("new-2.tar.gz", by=ann),
        ]
    )
    new, stranger, again, other, foreign, second, third = outcomes
    assert new == Receipt("new-1.tar.gz", is_new=True)
    assert isinstance(stranger, ProjectForbiddenError)
    assert again == Receipt("new-1.tar.gz", is_new=False)
    assert isinstance(other, FilenameTakenError)
    assert isinstance(foreign, ProjectForbiddenError)
    assert second == Receipt("known-1-py3-none-any.whl", is_new=True)
    assert third == Receipt("new-2.tar.gz", is_new=True)
    assert set(File.objects.values_list("filename", "release__project__name", "release__version", "sha256")) == {
        ("known-1.tar.gz", "known", "1", "a" * 64),
        ("known-1-py3-none-any.whl", "known", "1", "a" * 64),
        ("new-1.tar.gz", "new", "1", "a" * 64),
        ("new-2.tar.gz", "new", "2", "a" * 64),
    }
    owners = set(Membership.objects.values_list("project__name", "user__username", "role"))
    assert owners == {("known", "bob", "owner"), ("new", "ann", "owner")}
    assert Release.objects.count() == 3


def test_a_group_tells_of_each_project_once_and_of_each_file_in_the_journal() -> None:
    ann = caller("ann")
    accept_together([wanted(f"one-{number}.tar.gz", by=ann) for number in range(3)] + [wanted("two-1.zip", by=ann)])
    assert sorted(OutboxEntry.objects.values_list("project__name", flat=True)) == ["one", "two"]
    assert QueuedMessage.objects.count() == 1
    acts = list(JournalEntry.objects.values_list("act", "project"))
    assert acts.count(("file.added", "one")) == 3
    assert acts.count(("project.created", "one")) == 1


def test_nothing_new_tells_of_nothing() -> None:
    ann = caller("ann")
    accept_together([wanted("one-1.tar.gz", by=ann)])
    OutboxEntry.objects.all().delete()
    before = JournalEntry.objects.count()
    assert accept_together([wanted("one-1.tar.gz", by=ann)]) == [Receipt("one-1.tar.gz", is_new=False)]
    assert not OutboxEntry.objects.exists()
    assert JournalEntry.objects.count() == before


def test_one_that_the_database_refuses_spoils_no_other() -> None:
    ann = caller("ann")
    good, bad, fine = accept_together(
        [
            wanted("one-1.tar.gz", by=ann),
            wanted("two-1.tar.gz", by=ann, sha256="no hash"),
            wanted("three-1.tar.gz", by=ann),
        ]
    )
    assert isinstance(bad, UploadsCollideError)
    assert (good, fine) == (Receipt("one-1.tar.gz", is_new=True), Receipt("three-1.tar.gz", is_new=True))
    assert set(Project.objects.values_list("name", flat=True)) == {"one", "three"}


@pytest.mark.parametrize("status", ["archived", "quarantined", "deleted"])
def test_a_project_that_was_closed_while_a_file_was_on_its_way_takes_it_no_more(status: str) -> None:
    ann = caller("ann")
    accept_together([wanted("one-1.tar.gz", by=ann)])
    Project.every.update(status=status, status_before="active" if status == "quarantined" else "")
    late = wanted("one-2.tar.gz", by=ann)
    refusal, other = accept_together([late, wanted("two-1.tar.gz", by=ann)])
    assert isinstance(refusal, ProjectClosedError)
    assert f"is {status}" in str(refusal)
    assert other == Receipt("two-1.tar.gz", is_new=True)
    with pytest.raises(ProjectClosedError):
        Holdings.read([late.wish], lock=False).admit(late.wish)
    Project.every.update(status="deprecated", status_before="")
    assert accept_together([wanted("one-2.tar.gz", by=ann)]) == [Receipt("one-2.tar.gz", is_new=True)]


@pytest.mark.parametrize("sha256", ["a" * 64, "b" * 64])
def test_a_file_that_was_deleted_while_it_came_again_stays_deleted(sha256: str) -> None:
    ann = caller("ann")
    accept_together([wanted("one-1.tar.gz", by=ann)])
    File.objects.update(state="deleted")
    late = wanted("one-1.tar.gz", by=ann, sha256=sha256)
    [refusal] = accept_together([late])
    assert isinstance(refusal, FilenameDeletedError)
    with pytest.raises(FilenameDeletedError):
        Holdings.read([late.wish], lock=False).admit(late.wish)
    with pytest.raises(IntegrityError):
        File.objects.create(
            release=Release.objects.get(), filename="one-1.tar.gz", sha256="c" * 64, size=1, uploaded_at=NOW
        )


def test_a_prepared_query_is_one_over_its_lists_only() -> None:
    Project.objects.create(name="one", display_name="One", created_at=NOW)
    Project.objects.create(name="two", display_name="Two", created_at=NOW)
    by_name = Prepared(lambda names: Project.every.filter(name__in=names).values_list("name", "display_name"))
    for _ in range(2):
        assert by_name.rows(["one"]) == [("one", "One")]
        assert sorted(by_name.rows({"two", "one", "none"})) == [("one", "One"), ("two", "Two")]
    by_both = Prepared(lambda names, texts: Project.every.filter(display_name__in=texts, name__in=names))
    with pytest.raises(ValueError, match="order"):
        by_both.rows(["one"], ["Two"])
