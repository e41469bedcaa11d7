"""The upload form: the file as a body, by somebody who signed in; all else as with twine."""

import pytest

from packages.name_lists import POPULAR_FILES
from tests.browsing import Browser
from tests.distributions import sdist, wheel
from tests.running import Reply, RunningIndex, ask, eventually
from tests.test_pages import Page


@pytest.fixture(scope="module")
def index(module_index: RunningIndex) -> RunningIndex:
    script = "from accounts.models import User; User.objects.create_user('ada', password='lovely-engines-1843')"
    module_index.manage("shell", "-c", script)
    return module_index


@pytest.fixture
def browser(index: RunningIndex) -> Browser:
    signed_in = Browser(index)
    signed_in.sign_in("ada", "lovely-engines-1843", then="/upload/")
    return signed_in


def put(browser: Browser, filename: str, content: bytes, **headers: str) -> Reply:
    """What the page's script sends."""
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in browser.jar)
    sent = {"Cookie": cookies, "X-CSRFToken": browser.cookie("csrftoken"), "Accept": "application/json", **headers}
    return ask(f"{browser.index.url}/upload/files/{filename}", method="PUT", body=content, headers=sent)


def test_the_page_is_for_those_who_signed_in(index: RunningIndex, browser: Browser) -> None:
    assert "/account/login/?next=/upload/" in Browser(index).get("/upload/").url
    page = Page(browser.get("/upload/").html)
    assert page.faults == []
    assert ("script", {"src": "/static/upload.js", "defer": None}) in page.tags


def test_files_are_taken_and_listed(index: RunningIndex, browser: Browser) -> None:
    for filename, content in (wheel("by-ada", "1.0"), sdist("by-ada", "1.0")):
        reply = put(browser, filename, content)
        assert (reply.status, reply.json()["code"]) == (200, "received")
        index.wait_until_listed("by-ada", filename)
    assert "Owner ada" in Page(index.get("/project/by-ada/").text).text


def test_each_fault_is_told_in_a_sentence(browser: Browser) -> None:
    wrong = put(browser, "no-distribution.txt", b"x")
    assert (wrong.status, wrong.json()["code"]) == (400, "filename-faulty")
    damaged = put(browser, "damaged-1.0-py3-none-any.whl", b"no archive")
    assert (damaged.status, damaged.json()["code"]) == (400, "archive-faulty")
    other, content = wheel("other", "1.0")
    renamed = put(browser, other.replace("other", "renamed"), content)
    assert renamed.json()["faults"]


def test_a_warning_comes_with_the_receipt_for_the_page_to_show(index: RunningIndex, browser: Browser) -> None:
    for minor in range(POPULAR_FILES):
        assert put(browser, *wheel("beloved", f"1.{minor}")).status == 200
    tried = iter(f"{'beloved'[:at]}{c}{'beloved'[at + 1 :]}" for at in range(7) for c in "acfghjkmnpqrstuwxyz23456789")

    def warnings() -> list[str]:  # as soon as the lists of names are read again
        return list(put(browser, *wheel(next(tried), "1.0")).json()["warnings"])

    [warning] = eventually(warnings)
    assert "one slip of the finger from beloved" in warning


def test_a_project_of_somebody_else_is_refused(index: RunningIndex, browser: Browser) -> None:
    assert index.post_upload(*wheel("not-adas", "1.0"), token=index.token()).status == 200
    reply = put(browser, *wheel("not-adas", "2.0"))
    assert (reply.status, reply.json()["code"]) == (403, "project-forbidden")


def test_without_session_or_with_a_forged_token_nothing_is_taken(index: RunningIndex, browser: Browser) -> None:
    filename, content = wheel("forged", "1.0")
    assert put(browser, filename, content, **{"X-CSRFToken": "x" * 64}).status == 403
    stranger = Browser(index)
    stranger.get("/account/login/")
    reply = put(stranger, filename, content)
    assert (reply.status, reply.json()["code"]) == (401, "session-ended")
    assert index.get("/project/forged/").status == 404
    assert not list((index.data / "store" / "incoming").iterdir())


def test_a_closed_account_uploads_no_more(index: RunningIndex) -> None:
    script = "from accounts.models import User; User.objects.create_user('gone', password='lovely-engines-1843')"
    index.manage("shell", "-c", script)
    browser = Browser(index)
    browser.sign_in("gone", "lovely-engines-1843", then="/upload/")
    index.manage(
        "shell", "-c", "from accounts.models import User; User.objects.filter(username='gone').update(is_active=0)"
    )
    eventually(lambda: put(browser, *wheel("by-gone", "1.0")).status == 401, within=7)
