"""Several uploads in one transaction: each has its own receipt or refusal, as if it had come alone."""

from datetime import UTC, datetime

import pytest
from packaging.version import Version

from accounts.callers import Caller, Scope
from accounts.errors import ProjectForbiddenError
from accounts.models import User
from indexsite.models import QueuedMessage
from indexsite_client.protocol import parse_distribution_filename
from packages.acceptance import Acceptance, Receipt, StoredDistribution, accept_together
from packages.distributions import CoreMetadata, Distribution
from packages.errors import FilenameTakenError, UploadsCollideError
from packages.models import File, JournalEntry, Membership, OutboxEntry, Project, Release
from packages.prepared import Prepared

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def caller(name: str) -> Caller:
    user, _ = User.objects.get_or_create(username=name)
    return Caller(user.pk, name, 1, frozenset({Scope.UPLOAD}), frozenset())


def wanted(filename: str, *, by: Caller, sha256: str = "a" * 64) -> Acceptance:
    named = parse_distribution_filename(filename)
    metadata = CoreMetadata(named.project, Version("1"), "", "", b"", is_static=False)
    return Acceptance(by, StoredDistribution(Distribution(named, metadata), "A-Name", sha256, 1, "c" * 64), NOW)


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


def test_a_prepared_query_is_one_over_its_lists_only() -> None:
    Project.objects.create(name="one", display_name="One", created_at=NOW)
    Project.objects.create(name="two", display_name="Two", created_at=NOW)
    by_name = Prepared(lambda names: Project.objects.filter(name__in=names).values_list("name", "display_name"))
    for _ in range(2):
        assert by_name.rows(["one"]) == [("one", "One")]
        assert sorted(by_name.rows({"two", "one", "none"})) == [("one", "One"), ("two", "Two")]
    by_both = Prepared(lambda names, texts: Project.objects.filter(display_name__in=texts, name__in=names))
    with pytest.raises(ValueError, match="order"):
        by_both.rows(["one"], ["Two"])
