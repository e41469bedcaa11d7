"""The RSS feeds, read by feedparser as readers do."""

from typing import Any

import feedparser
import pytest

from tests.conftest import NewIndex
from tests.distributions import metadata, wheel
from tests.running import RunningIndex, eventually
from tests.test_pages import page

HOSTILE = "<script>alert(1)</script> & ]]> \uffff\ufffe \U0001f40d"


def feed(index: RunningIndex, path: str) -> Any:  # Any: feedparser's result
    """A feed, which must be well formed."""
    reply = index.get(f"/rss/{path}")
    assert reply.status == 200, reply.text
    assert reply.headers["content-type"] == "application/rss+xml; charset=utf-8"
    parsed = feedparser.parse(reply.body)
    assert not parsed.bozo, parsed.bozo_exception
    assert parsed.version == "rss20"
    return parsed


@pytest.fixture(scope="module")
def index(one_process_index: RunningIndex) -> RunningIndex:
    """An index with a project of 45 releases, and one whose summary is hostile."""
    token = one_process_index.token()
    made = [wheel("Many.Releases", f"{number}.0") for number in range(45)]
    text = metadata("hostile", "1.0").replace("A test of hostile.", HOSTILE)
    made.append(wheel("hostile", "1.0", members={"hostile-1.0.dist-info/METADATA": text.encode()}))
    for filename, content in made:
        name = "hostile" if filename.startswith("hostile") else "Many.Releases"
        reply = one_process_index.post_upload(filename, content, token=token, name=name)
        assert reply.status == 200, reply.text
    one_process_index.wait_until_listed("many-releases", *[filename for filename, _ in made[:-1]])
    one_process_index.wait_until_listed("hostile", made[-1][0])
    eventually(lambda: len(feed(one_process_index, "packages.xml").entries) == 2, what="both projects published")
    return one_process_index


def test_the_newest_releases_come_first_and_are_not_too_many(index: RunningIndex) -> None:
    found = feed(index, "updates.xml")
    assert [entry.title for entry in found.entries[:3]] == ["hostile 1.0", "Many.Releases 44.0", "Many.Releases 43.0"]
    assert len(found.entries) == 40
    entry = found.entries[1]
    assert entry.link == entry.id == f"{index.url}/project/many-releases/44.0/"
    assert entry.summary == "A test of Many.Releases."
    assert entry.published_parsed
    assert found.feed.link == f"{index.url}/"
    assert f"{index.url}/rss/updates.xml" in [link.href for link in found.feed.links]


def test_each_project_is_new_once(index: RunningIndex) -> None:
    found = feed(index, "packages.xml")
    assert [entry.title for entry in found.entries] == ["hostile", "Many.Releases"]
    assert found.entries[1].link == f"{index.url}/project/many-releases/"


def test_a_project_has_a_feed_of_its_own(index: RunningIndex) -> None:
    found = feed(index, "project/many-releases/releases.xml")
    assert [entry.title for entry in found.entries] == [f"Many.Releases {number}.0" for number in range(44, 4, -1)]
    assert found.feed.link == f"{index.url}/project/many-releases/"


def test_a_hostile_summary_is_text(index: RunningIndex) -> None:
    [entry] = feed(index, "project/hostile/releases.xml").entries
    assert "]]>" in entry.summary
    assert "\U0001f40d" in entry.summary
    assert b"<script" not in index.get("/rss/project/hostile/releases.xml").body


def test_other_spellings_are_redirected_and_unknown_projects_are_not_found(index: RunningIndex) -> None:
    reply = index.get("/rss/project/Many_Releases/releases.xml")
    assert (reply.status, reply.headers["location"]) == (301, "/rss/project/many-releases/releases.xml")
    assert index.get("/rss/project/absent/releases.xml").status == 404
    assert index.get("/rss/project/%20/releases.xml").status == 404


def test_a_reader_that_has_it_already_is_told_so(index: RunningIndex) -> None:
    first = index.get("/rss/updates.xml")
    assert "no-cache" in first.headers["cache-control"]
    assert index.get("/rss/updates.xml", If_None_Match=first.headers["etag"]).status == 304


@pytest.mark.parametrize(
    ("path", "feeds"),
    [
        ("/", {"/rss/updates.xml", "/rss/packages.xml"}),
        ("/project/many-releases/", {"/rss/project/many-releases/releases.xml"}),
        ("/project/many-releases/7.0/", {"/rss/project/many-releases/releases.xml"}),
    ],
)
def test_pages_name_their_feeds(index: RunningIndex, path: str, feeds: set[str]) -> None:
    links = [attributes for tag, attributes in page(index, path).tags if tag == "link"]
    assert {link["href"] for link in links if link["rel"] == "alternate"} == feeds


def test_an_empty_index_has_valid_feeds(new_index: NewIndex) -> None:
    index = new_index().start()
    assert feed(index, "updates.xml").entries == feed(index, "packages.xml").entries == []
