"""The pages of management with Django's client: who sees what, and that each act is done, refused or asked again."""

import re
from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import User
from packages.models import File, JournalEntry, Project, Release
from tests.life import EVERYBODY, FILE, MEMBERS, OWNERS, add_release, everything, make_demo, put
from tests.test_pages import Page

pytestmark = pytest.mark.django_db
RELEASE = "/manage/demo/releases/1.0/"
PAGES = ["/manage/demo/", RELEASE, "/manage/demo/journal/"]
SignIn = Callable[[str], Client]


@pytest.fixture(autouse=True)
def demo() -> Project:
    return make_demo()


def signed_in(name: str) -> Client:
    browser = Client()
    browser.force_login(User.objects.get(username=name))
    return browser


def text(html: bytes) -> str:
    return Page(html.decode()).text


def offered(html: bytes) -> set[str]:
    """The acts whose buttons a page has."""
    return set(re.findall(r'name="act" value="([a-z-]+)"', html.decode()))


@pytest.mark.parametrize("path", ["/manage/", *PAGES])
def test_who_is_not_signed_in_is_asked_to_and_comes_back(path: str) -> None:
    answer = Client().get(path)
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/account/login/?next={path}")
    assert Client().post(path, {"act": "delete", "confirm": "demo"}).status_code in {302, 405}
    assert File.objects.exists()


@pytest.mark.parametrize("who", sorted(EVERYBODY))
@pytest.mark.parametrize("path", PAGES)
def test_members_and_administrators_see_a_projects_pages_and_strangers_hear_why_not(path: str, who: str) -> None:
    answer = signed_in(who).get(path)
    assert answer.status_code == (200 if who in MEMBERS else 403)
    page = Page(answer.content.decode())
    assert page.faults == []
    assert answer.status_code == 403 or "no-store" in answer.headers["Cache-Control"]
    if who == "stranger":
        assert "ask one of its owners to invite you" in page.text


@pytest.mark.parametrize("path", ["/manage/other/", "/manage/demo/releases/2.0/", "/manage/demo/releases/x/"])
def test_what_is_not_there_is_not_found(path: str) -> None:
    assert signed_in("owner").get(path).status_code == 404


def test_a_deleted_project_is_there_for_its_members_only() -> None:
    put("deleted")
    File.every.update(state="deleted", voucher="")
    assert "Its name is kept" in text(signed_in("maintainer").get("/manage/demo/").content)
    assert signed_in("stranger").get("/manage/demo/").status_code == 404
    assert "/manage/demo/" in signed_in("maintainer").get("/manage/").content.decode()


def test_another_spelling_leads_to_the_normal_one() -> None:
    assert signed_in("owner").get("/manage/DEMO/").headers["Location"] == "/manage/demo/"
    assert signed_in("owner").get("/manage/Demo/releases/v1/").headers["Location"] == "/manage/demo/releases/v1/"
    Release.objects.create(project=Project.objects.get(), version="2", created_at="2026-01-01T00:00Z")
    assert signed_in("owner").get("/manage/demo/releases/v1.0/").headers["Location"] == RELEASE


@pytest.mark.parametrize(
    ("who", "acts"),
    [
        ("maintainer", {"yank", "yank-file"}),
        ("owner", {"yank", "yank-file", "delete", "delete-file"}),
        ("administrator", {"yank", "yank-file", "delete", "delete-file"}),
    ],
)
def test_what_one_may_not_do_is_not_offered(who: str, acts: set[str]) -> None:
    assert offered(signed_in(who).get(RELEASE).content) == acts
    put("quarantined")
    assert offered(signed_in(who).get(RELEASE).content) == set()


ACTS: dict[str, tuple[dict[str, str], set[str], str]] = {
    "yank": ({"reason": "broken"}, MEMBERS, "release.yanked"),
    "unyank": ({}, MEMBERS, "release.unyanked"),
    "delete": ({"confirm": "Demo"}, OWNERS, "release.deleted"),
    "yank-file": ({"target": FILE, "reason": "broken"}, MEMBERS, "file.yanked"),
    "unyank-file": ({"target": FILE}, MEMBERS, "file.unyanked"),
    "delete-file": ({"target": FILE, "confirm": "demo"}, OWNERS, "file.deleted"),
}


@pytest.mark.parametrize("who", sorted(EVERYBODY))
@pytest.mark.parametrize("act", ACTS)
def test_an_act_on_a_release_is_done_for_those_who_may_and_said(act: str, who: str) -> None:
    fields, allowed, journalled = ACTS[act]
    if act.startswith("unyank"):
        Release.objects.update(is_yanked=True)
        File.every.update(is_yanked=True)
    before = everything()
    browser = signed_in(who)
    answer = browser.post(RELEASE, {"act": act, **fields}, follow=True)
    if who not in allowed:
        assert answer.status_code == 403
        assert everything() == before
        return
    assert answer.status_code == 200
    assert "usually within a second" in text(answer.content)
    entry = JournalEntry.objects.order_by("-id").first()
    assert entry is not None
    assert (entry.act, entry.actor, entry.token) == (journalled, who, None)
    again = browser.post(RELEASE, {"act": act, **fields}, follow=True)
    assert again.status_code == 404 or "It was so already" in text(again.content)


@pytest.mark.parametrize(
    "fields",
    [
        {"act": "yank", "reason": "two\nlines"},
        {"act": "yank", "reason": "x" * 501},
        {"act": "yank-file", "target": FILE, "reason": "two\x85lines"},
        {"act": "delete", "confirm": "other"},
        {"act": "delete", "confirm": "no/name"},
        {"act": "delete", "confirm": ""},
        {"act": "delete", "confirm": "1.0"},
        {"act": "delete-file", "target": FILE},
    ],
)
def test_what_is_filled_in_wrongly_changes_nothing_and_says_why_where_it_stands(fields: dict[str, str]) -> None:
    before = everything()
    answer = signed_in("owner").post(RELEASE, fields)
    page = Page(answer.content.decode())
    assert everything() == before
    assert answer.status_code == 200
    assert page.faults == []
    assert [attrs for tag, attrs in page.tags if tag == "details" and "open" in attrs]  # it is not folded away
    assert 'class="fault"' in answer.content.decode()


def test_whose_act_it_is_not_hears_that_before_any_fault_of_the_form() -> None:
    assert signed_in("maintainer").post(RELEASE, {"act": "delete", "confirm": "nonsense"}).status_code == 403


def test_a_page_that_is_out_of_date_changes_nothing() -> None:
    before = everything()
    for fields in ({}, {"act": "explode"}, {"act": "delete-file", "target": "gone-1.0.tar.gz", "confirm": "demo"}):
        answer = signed_in("owner").post(RELEASE, fields, follow=True)
        assert "out of date" in text(answer.content)
    assert everything() == before
    put("archived")
    Release.objects.update(created_at="2000-01-01T00:00Z")
    answer = signed_in("owner").post(RELEASE, {"act": "reopen", "days": "1"}, follow=True)
    assert "is archived: one cannot reopen" in text(answer.content)


def test_a_form_from_elsewhere_does_nothing() -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(User.objects.get(username="owner"))
    assert browser.post(RELEASE, {"act": "delete", "confirm": "demo"}).status_code == 403
    assert File.objects.exists()


def test_deleting_the_last_file_leads_to_the_project_and_another_one_stays_on_the_page(demo: Project) -> None:
    release = Release.objects.get()
    other = add_release(demo, "1.0.post1")
    File.objects.filter(pk=other.pk).update(release=release)
    browser = signed_in("owner")
    fields = {"act": "delete-file", "confirm": "demo"}
    assert browser.post(RELEASE, {**fields, "target": FILE}).headers["Location"] == RELEASE
    assert browser.post(RELEASE, {**fields, "target": other.filename}).headers["Location"] == "/manage/demo/"


def test_many_releases_come_in_pages_the_newest_first(demo: Project, django_assert_max_num_queries: object) -> None:
    for minor in range(1, 205):
        add_release(demo, f"1.{minor}")
    browser = signed_in("owner")
    with django_assert_max_num_queries(8):  # type: ignore[operator]  # pytest-django's fixture
        first = browser.get("/manage/demo/")
    shown = re.findall(r'class="number" href="[^"]+">([^<]+)<', first.content.decode())
    assert (shown[0], shown[-1], len(shown)) == ("1.204", "1.105", 100)
    last = browser.get("/manage/demo/?page=3").content.decode()
    assert re.findall(r'class="number" href="[^"]+">([^<]+)<', last)[-1] == "1.0"
    assert browser.get("/manage/demo/?page=nonsense").status_code == 200


def test_many_files_cost_no_more_questions_than_one(demo: Project, django_assert_max_num_queries: object) -> None:
    release, uploader = Release.objects.get(), User.objects.get(username="second")
    values = {"release": release, "sha256": "a" * 64, "size": 1, "uploaded_at": release.created_at}
    names = (f"demo-1.0-{number}-py3-none-any.whl" for number in range(40))
    File.objects.bulk_create(File(filename=name, uploaded_by=uploader, **values) for name in names)
    browser = signed_in("owner")
    with django_assert_max_num_queries(11):  # type: ignore[operator]  # pytest-django's fixture
        page = browser.get(RELEASE).content
    assert text(page).count("by second") == 40


def test_the_journal_tells_who_did_what(demo: Project) -> None:
    browser = signed_in("owner")
    browser.post(RELEASE, {"act": "yank", "reason": "<b>broken</b>"})
    JournalEntry.objects.create(at="2026-01-01T00:00Z", actor="indexsite", act="release.deleted", project="demo")
    JournalEntry.objects.create(at="2026-01-01T00:00Z", actor="ada", token=7, act="an.act.to.come", project="demo")
    JournalEntry.objects.create(at="2026-01-01T00:00Z", actor="mallory", act="project.created", project="other")
    html = browser.get("/manage/demo/journal/").content
    assert "owner yanked 1.0 : <b>broken</b>" in text(html)
    assert "Indexsite deleted ? with ? file(s)" in text(html)
    assert "ada an.act.to.come by token 7" in text(html)
    assert "mallory" not in text(html)


def test_ones_projects_are_listed_and_an_administrator_finds_any(demo: Project) -> None:
    assert "/manage/demo/" in signed_in("maintainer").get("/manage/").content.decode()
    assert "None yet." in text(signed_in("stranger").get("/manage/").content)
    administrator = signed_in("administrator")
    assert administrator.get("/manage/?name=De.Mo").headers["Location"] == "/manage/de-mo/"
    assert administrator.get("/manage/?name=a/b").status_code == 200
    assert "Any project" not in text(signed_in("owner").get("/manage/").content)


@pytest.mark.parametrize("who", sorted(EVERYBODY))
def test_a_projects_page_shows_the_way_to_those_who_manage_it(who: str) -> None:
    page = Page(signed_in(who).get("/project/demo/").content.decode())
    assert ("/manage/demo/" in page.values("a", "href")) is (who in MEMBERS)
    assert "/manage/" in page.values("a", "href")
    assert "/manage/" not in Page(Client().get("/project/demo/").content.decode()).values("a", "href")
