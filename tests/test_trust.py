"""The page of trust on a running index: it says what is published, in a picture and in words, and costs little."""

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.backups import upload
from tests.browsing import Browser
from tests.chromium import chromium_page
from tests.logged import published_entry, read_log, sha256
from tests.running import RunningIndex, eventually

COST = """
from django.db import connection
from django.test.utils import CaptureQueriesContext
from tufsigning.trust import reader
first = reader.trust()
with CaptureQueriesContext(connection) as asked:
    print("says", reader.trust() is first, len(asked))
"""


@pytest.fixture(scope="module")
def index(module_index: RunningIndex) -> RunningIndex:
    upload(module_index, module_index.token(), "trusted", "1.0")
    eventually(lambda: len(read_log(module_index)) == 2, what="the log")
    return module_index


@pytest.fixture
def page(index: RunningIndex) -> Iterator[Page]:
    with chromium_page(index) as page:
        page.goto("/trust/")
        yield page


def test_the_page_shows_the_root_and_how_to_trust_it(index: RunningIndex) -> None:
    html = Browser(index).get("/trust/").html
    assert f"indexsite trust {index.url}/ --fingerprint {index.fingerprint()} --development" in html
    assert "This root comes from a development ceremony" in html


def test_picture_and_table_say_the_same(page: Page) -> None:
    table = [row.locator("th, td").all_inner_texts() for row in page.locator(".wide tbody tr").all()]
    assert [row[0] for row in table] == [
        *("root", "timestamp", "snapshot", "targets", "claimed", "recently-claimed", "unclaimed", "256 bins")
    ]
    drawn = page.locator(".trust-tree > svg > g").all()
    assert [each.locator(".name").text_content() for each in drawn] == [row[0] for row in table]
    described = " ".join((page.locator("#tree-text").text_content() or "").split())
    for each, row in zip(drawn, table, strict=True):
        is_online = each.locator("circle").count() == 1
        assert row[2].startswith("online:" if is_online else "offline:")
        about = each.locator(".about").text_content() or ""
        assert about.startswith(f"{row[3]} · {'online' if is_online else 'offline'} · ")
        left = about.rpartition(" · ")[2]
        assert row[5].endswith(left)
        assert re.search(rf"{row[0]}[^.]*: {row[2].split(':')[0]}, {row[3]} keys, {left}\.", described)


def test_the_last_publications_are_those_of_the_log(index: RunningIndex, page: Page) -> None:
    lines = read_log(index)
    shown = [each.inner_text() for each in page.locator(".publications .digest code").all()]
    assert shown == [f"{number}: {sha256(lines[number - 1])}" for number in range(len(lines), 0, -1)]


def test_the_api_says_the_same(index: RunningIndex) -> None:
    said = index.get("/api/v1/trust/").json()
    assert said["fingerprint"] == index.fingerprint()
    assert said["publication"] == published_entry(index)["snapshot"]["version"]
    assert said["log"] == {"number": 2, "sha256": sha256(read_log(index)[-1])}
    assert [(each["name"], each["count"]) for each in said["roles"]][-1] == ("bin", 256)
    assert all(each["expires"] for each in said["roles"])
    assert [each["code"] for each in said["warnings"]] == ["development"]


def test_nothing_is_read_again_within_a_publication(index: RunningIndex) -> None:
    assert index.manage("shell", "--verbosity", "0", "-c", COST).strip().endswith("says True 0")


def test_every_page_leads_there(page: Page) -> None:
    page.goto("/")
    page.locator("footer").get_by_role("link", name="What there is to trust").click()
    page.wait_for_url("**/trust/")


@pytest.mark.parametrize("dark", [False, True])
def test_it_has_no_fault_of_accessibility(index: RunningIndex, dark: bool) -> None:
    with chromium_page(index, dark=dark) as page:
        page.goto("/trust/")
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()


def test_it_is_not_wider_than_a_telephone(index: RunningIndex) -> None:
    with chromium_page(index, width=390) as page:
        page.goto("/trust/")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
