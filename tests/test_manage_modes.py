"""Managing a project on a running index, by one command and as on several machines: what installers see of it."""

import pytest

from tests.browsing import Browser
from tests.distributions import wheel
from tests.running import RunningIndex, eventually
from tests.test_pages import Page

PASSWORD = """
from accounts.models import User
admin = User.objects.get(username="admin")
admin.set_password("lovely-engines-1843")
admin.save()
"""
REQUIRES = "Requires-Dist: demo>=1\n"


@pytest.fixture
def browser(each_mode: RunningIndex) -> Browser:
    """The first user's, whose password lies on the machine that made the index."""
    each_mode.manage("shell", "-c", PASSWORD)
    browser = Browser(each_mode)
    assert browser.sign_in("admin", "lovely-engines-1843", then="/manage/").url == f"{each_mode.url}/manage/"
    return browser


def test_acts_on_pages_reach_installers(each_mode: RunningIndex, browser: Browser) -> None:
    index, token = each_mode, each_mode.token()
    for filename, content in (wheel("demo", "1.0"), wheel("demo", "2.0"), wheel("needs-demo", "1.0", extra=REQUIRES)):
        assert index.post_upload(filename, content, token=token).status == 200
    index.wait_until_listed("demo", "demo-2.0-py3-none-any.whl")

    seen = browser.post("/manage/demo/releases/2.0/", {"act": "yank", "reason": "It breaks."})
    assert "2.0 is yanked. Installers see that with the next publication" in Page(seen.html).text
    eventually(lambda: [file["yanked"] for file in index.page("demo")["files"]] == [False, "It breaks."])
    browser.post("/manage/demo/releases/1.0/", {"act": "delete", "confirm": "demo"})
    eventually(lambda: len(index.page("demo")["files"]) == 1)
    assert "demo" in Page(browser.get("/manage/").html).text
    assert "1 release, " in Page(browser.get("/manage/demo/").html).text

    warning = "1 other project of this index requires it"
    eventually(lambda: warning in Page(browser.get("/manage/demo/delete/").html).text, what="descriptions read")
    assert browser.post("/manage/demo/delete/", {"act": "delete", "confirm": "demo"}).url == f"{index.url}/manage/"
    eventually(lambda: index.page("demo") is None)
    journal = Page(browser.get("/manage/demo/journal/").html).text
    assert "admin deleted the project with 1 file(s)" in journal
    assert "admin yanked 2.0 : It breaks." in journal
    assert "admin uploaded demo-1.0-py3-none-any.whl by token" in journal
