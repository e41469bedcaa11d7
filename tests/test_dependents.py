"""Who will miss what is deleted: by the requirements that other projects of the index have."""

import pytest

from accounts.callers import Scope
from packages.life.dependents import dependents_of
from packages.models import File, Project
from tests.api import call, token
from tests.life import FILE, NOW, add_dependent, add_release, make_demo
from tests.test_manage import signed_in, text

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def demo() -> Project:
    """With the releases 1.0 and 2.0."""
    demo = make_demo()
    add_release(demo, "2.0")
    return demo


@pytest.mark.parametrize(
    ("line", "losing_one", "losing_both"),
    [
        ("demo", False, True),
        ("demo==1.0", True, True),
        ("demo==2.0", False, True),
        ("demo>=1", False, True),
        ("demo<2", True, True),
        ("De_Mo<2", False, False),
        ("DEMO[all]~=1.0; python_version < '3'", True, True),
        ("demo==3.0", False, False),  # nothing here would do, now or then
        ("demo<2.0.dev0", True, True),
        ("demo-extra==1.0", False, False),
        ("demo @ https://files.example/demo-1.0.tar.gz", False, True),
        ("demo=broken", False, False),
    ],
)
def test_who_needs_a_release_is_content_with_it_and_with_none_that_stays(
    line: str, losing_one: bool, losing_both: bool
) -> None:
    add_dependent("needs-demo", line)
    assert dependents_of("demo", losing=["1.0"]) == ["needs-demo"] * losing_one
    assert dependents_of("demo", losing=["1.0", "2.0"]) == ["needs-demo"] * losing_both


def test_a_dry_run_names_who_will_miss_what_goes(demo: Project) -> None:
    add_dependent("pins", "demo==1.0")
    add_dependent("requires", "demo>=1")
    owner = token("owner", Scope.ADMIN)
    for path, missed in (
        ("projects/demo/", ["pins", "requires"]),
        ("projects/demo/releases/1.0/", ["pins"]),
        (f"projects/demo/files/{FILE}/", ["pins"]),
        ("projects/demo/releases/2.0/", []),
    ):
        assert call("DELETE", f"{path}?dry_run=true", owner)["dependents"] == missed
    other = {"filename": "demo-1.0-py3-none-any.whl", "sha256": "b" * 64, "size": 1, "uploaded_at": NOW}
    File.objects.create(release=demo.releases.get(version="1.0"), **other)
    assert call("DELETE", f"projects/demo/files/{FILE}/?dry_run=true", owner)["dependents"] == []


def test_the_page_of_a_release_warns_those_who_may_delete_it() -> None:
    add_dependent("pins", "demo==1.0")
    page, warning = "/manage/demo/releases/{}/", "1 other project of this index needs this very release"
    assert warning in text(signed_in("owner").get(page.format("1.0")).content)
    assert warning not in text(signed_in("owner").get(page.format("2.0")).content)
    assert warning not in text(signed_in("maintainer").get(page.format("1.0")).content)
