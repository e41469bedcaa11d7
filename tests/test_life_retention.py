"""Retention: which releases a rule spares, and that the worker follows the rules that are set."""

from datetime import timedelta

import pytest

from packages.life import retention
from packages.life.errors import RetentionFaultyError
from packages.life.retention import Aged, Retention, expendable
from packages.models import File, JournalEntry, Project
from tests.life import NOW, actor, add_release, make_demo, put

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def demo() -> Project:
    return make_demo()


VERSIONS = {
    "1.0": 90,
    "1.1a1": 80,
    "1.1a2": 70,
    "1.1": 60,
    "1.1.post1": 50,
    "2.0.dev1": 20,
    "2.0.dev2": 10,
    "2.0rc1": 0,
}


@pytest.mark.parametrize(
    ("rule", "gone"),
    [
        (Retention(keep_newest=0), {"1.1a1", "1.1a2", "2.0.dev1", "2.0.dev2", "2.0rc1"}),
        (Retention(keep_newest=2), {"1.1a1", "1.1a2", "2.0.dev1"}),
        (Retention(keep_newest=9), set()),
        (Retention(max_days=70), {"1.1a1"}),
        (Retention(max_days=1), {"1.1a1", "1.1a2", "2.0.dev1", "2.0.dev2"}),
    ],
)
def test_a_rule_spares_the_newest_or_youngest_and_every_final_release(rule: Retention, gone: set[str]) -> None:
    aged = [Aged(version, NOW - timedelta(days=days)) for version, days in VERSIONS.items()]
    assert expendable(aged, rule, now=NOW) == gone


@pytest.mark.parametrize("values", [{}, {"keep_newest": 1, "max_days": 1}, {"keep_newest": -1}, {"max_days": 0}])
def test_a_rule_is_by_number_or_by_age(values: dict[str, int]) -> None:
    with pytest.raises(RetentionFaultyError):
        Retention(**values)


def test_the_worker_deletes_by_the_rules_that_are_set_and_says_so(demo: Project) -> None:
    for version, days in VERSIONS.items():
        if version != "1.0":
            add_release(demo, version, days=days)
    other = Project.objects.create(name="other", display_name="Other", created_at=NOW)
    add_release(other, "1.0a1", days=999)
    assert retention.apply_rules(now=NOW) == 0
    retention.set_retention(actor("owner"), "demo", Retention(keep_newest=2), now=NOW)
    put("quarantined")
    assert retention.apply_rules(now=NOW) == 0
    put("active")
    assert retention.apply_rules(now=NOW) == 3
    assert retention.apply_rules(now=NOW) == 0
    left = {file.release.version for file in File.objects.filter(release__project=demo).select_related("release")}
    assert left == set(VERSIONS) - {"1.1a1", "1.1a2", "2.0.dev1"}
    assert set(JournalEntry.objects.filter(act="release.deleted").values_list("actor", "details__version")) == {
        ("indexsite", version) for version in ("1.1a1", "1.1a2", "2.0.dev1")
    }
    assert File.objects.filter(release__project=other).count() == 1
