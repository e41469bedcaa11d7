"""The page of searches on a running index: found after its publication, gone with it, sound HTML for any query."""

import urllib.parse

import pytest

from tests.conftest import NewIndex
from tests.distributions import metadata, wheel
from tests.running import RunningIndex, eventually
from tests.searching import HOSTILE
from tests.test_pages import Page, page

SHELL = "from accounts.actors import *; from accounts.models import User; from packages.life import projects;"
SHELL += "from django.utils import timezone; admin = signed_in_actor(User.objects.get(username='admin'));"
TRAP = '<script>alert(1)</script> & "flask" \''


def told(name: str, summary: str, extra: str = "") -> tuple[str, bytes]:
    """A wheel with this summary and these lines of metadata."""
    text = metadata(name, "1.0", extra).replace(f"A test of {name}.", summary)
    return wheel(name, "1.0", members={f"{name}-1.0.dist-info/METADATA": text.encode()})


@pytest.fixture(scope="module")
def index(each_mode: RunningIndex) -> RunningIndex:
    """An index with three projects that its worker has read for searches."""
    token = each_mode.token()
    made = [
        told("flaskette", "A small bottle.", "Classifier: Framework :: Flask\nKeywords: glass,small\n"),
        told("carafe", "Holds a flaskette of water.", "Classifier: Framework :: Flask\n"),
        told("trap", TRAP),
    ]
    for filename, content in made:
        reply = each_mode.post_upload(filename, content, token=token)
        assert reply.status == 200, reply.text
    eventually(lambda: found(each_mode, "?q=glass") == ["flaskette"], within=60, what="the description read")
    eventually(lambda: len(found(each_mode, "?c=Framework+::+Flask")) == 2, within=60, what="both classified")
    eventually(lambda: found(each_mode, "?q=script") == ["trap"], within=60, what="the last one read")
    return each_mode


def found(index: RunningIndex, query: str) -> list[str]:
    """The projects that a page of results links to, in its order."""
    links = page(index, f"/search/{query}").values("a", "href")
    return [link.split("/")[2] for link in links if link.startswith("/project/")]


def test_projects_are_found_once_they_are_published(index: RunningIndex) -> None:
    assert found(index, "?q=flaskette") == ["flaskette", "carafe"]
    assert found(index, "?q=flsakette") == ["flaskette"]


def test_hits_are_marked_and_nothing_of_a_summary_is_html(index: RunningIndex) -> None:
    shown = page(index, "/search/?q=flask")
    assert shown.faults == []
    assert "<mark>flaskette</mark>" in shown.html
    assert TRAP in shown.text.replace(" flask ", "flask")  # which is marked, and so a text of its own
    assert "<script>alert" not in shown.html


def test_facets_are_links_that_narrow_down_and_take_back(index: RunningIndex) -> None:
    links = page(index, "/search/?q=flask").values("a", "href")
    narrowed = "?q=flask&c=Framework+%3A%3A+Flask"
    assert narrowed in links
    assert found(index, narrowed) == ["flaskette", "carafe"]
    assert "?q=flask" in page(index, f"/search/{narrowed}").values("a", "href")
    assert found(index, narrowed + "&status=archived") == []
    assert found(index, narrowed + "&updated=7&o=newest") == ["carafe", "flaskette"]


def test_nothing_found_says_what_may_be_meant(index: RunningIndex) -> None:
    shown = page(index, "/search/?q=flsakette+water")
    assert "Did you mean flaskette water ?" in shown.text
    assert "?q=flaskette+water" in shown.values("a", "href")


@pytest.mark.parametrize("number", range(0, len(HOSTILE), 8))
def test_any_query_has_a_sound_page(index: RunningIndex, number: int) -> None:
    for text in HOSTILE[number : number + 8]:
        asked = urllib.parse.quote(text[:2000].encode("utf-8", "replace"), safe="")
        reply = index.get(f"/search/?q={asked}&c={asked}&status={asked}&updated={asked}&o={asked}&page={asked}")
        assert reply.status == 200, text[:50]
        assert Page(reply.text).faults == []


def test_a_page_number_of_any_length_is_read(index: RunningIndex) -> None:
    for number in ("000001" + "9" * 4400, "9" * 4400, "0" * 4400 + "1"):
        assert found(index, f"?q=flaskette&page={number}") == ["flaskette", "carafe"]


def test_pages_have_a_search_field(index: RunningIndex) -> None:
    for path in ("/", "/project/flaskette/", "/search/"):
        [field] = [attributes for tag, attributes in page(index, path).tags if attributes.get("type") == "search"]
        assert field["name"] == "q"


def test_what_is_quarantined_or_deleted_is_not_found_and_what_returns_is(index: RunningIndex) -> None:
    index.manage("shell", "-c", SHELL + "projects.quarantine_project(admin, 'carafe', now=timezone.now())")
    assert found(index, "?q=water") == []
    index.manage("shell", "-c", SHELL + "projects.lift_quarantine(admin, 'carafe', now=timezone.now())")
    eventually(lambda: found(index, "?q=water") == ["carafe"], within=60, what="it found again")
    index.manage("shell", "-c", SHELL + "projects.delete_project(admin, 'trap', now=timezone.now())")
    assert found(index, "?q=script") == []


def test_a_private_index_is_searched_by_its_readers_only(new_index: NewIndex) -> None:
    index = new_index(INDEXSITE_PRIVATE="1").start()
    reply = index.get("/search/?q=x", Accept="text/html")
    assert (reply.status, reply.headers["location"]) == (302, "/account/login/?next=/search/")
    assert index.get("/search/?q=x").status == 401
    assert index.get("/search/?q=x", Authorization=f"Bearer {index.token('--scope', 'read')}").status == 200


def test_a_search_that_takes_too_long_is_answered_in_words(new_index: NewIndex) -> None:
    reply = new_index(INDEXSITE_SEARCH_SECONDS="0.000001").start().get("/search/?q=x")
    assert (reply.status, reply.headers["retry-after"]) == (503, "5")
    shown = Page(reply.text)
    assert shown.faults == []
    assert "That search took too long and was stopped" in shown.text
