"""Managing a project in a real browser: by the keyboard alone, without faults of accessibility, in both colours."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from packages.name_lists import POPULAR_FILES
from tests.chromium import chromium_page, sign_in, tab_to
from tests.distributions import sdist, wheel
from tests.running import RunningIndex, eventually

LONG = "a-name-that-is-much-longer-than-anybody-would-choose-who-has-to-type-it-more-than-once-in-a-life"
LONG_USER = """
from accounts.models import User
from packages.models import Membership, Project
user = User.objects.create_user("somebody.with.a.name.that.is.long@and.at.an.address.that.is.long.too.example.org")
Membership.objects.create(project=Project.objects.get(name="demo"), user=user, role="maintainer")
"""
PAGES = [
    "/manage/",
    "/manage/demo/",
    "/manage/demo/releases/1.0/",
    "/manage/demo/members/",
    "/manage/demo/settings/",
    "/manage/demo/delete/",
    "/manage/demo/journal/",
    f"/manage/{LONG}/releases/1.0/",
    "/upload/",
]


@pytest.fixture(scope="module")
def index(module_index: RunningIndex) -> RunningIndex:
    token = module_index.token()
    for filename, content in (wheel("demo", "1.0"), sdist("demo", "1.0"), wheel("demo", "1.1"), wheel(LONG, "1.0")):
        assert module_index.post_upload(filename, content, token=token).status == 200
    module_index.manage("shell", "-c", LONG_USER)
    module_index.wait_until_listed("demo", "demo-1.1-py3-none-any.whl")
    return module_index


@pytest.fixture
def page(index: RunningIndex) -> Iterator[Page]:
    with chromium_page(index) as page:
        sign_in(page, index, then="/manage/demo/")
        yield page


def yanked(index: RunningIndex) -> set[str]:
    return {file["filename"] for file in index.page("demo")["files"] if file["yanked"]}


def test_a_release_is_yanked_and_unyanked_by_the_keyboard_alone(index: RunningIndex, page: Page) -> None:
    tab_to(page, "text=1.1")
    page.keyboard.press("Enter")
    tab_to(page, "summary:has-text('Yank')")
    page.keyboard.press("Enter")
    tab_to(page, "[name=reason]")
    page.keyboard.type("It breaks.")
    page.keyboard.press("Enter")
    page.wait_for_selector(".messages >> text=1.1 is yanked")
    eventually(lambda: yanked(index) == {"demo-1.1-py3-none-any.whl"})
    tab_to(page, "summary:has-text('Take the yank back')")
    page.keyboard.press("Space")
    tab_to(page, "button:has-text('Unyank this release')")
    page.keyboard.press("Space")
    page.wait_for_selector(".messages >> text=1.1 is no longer yanked")
    eventually(lambda: yanked(index) == set())


def test_a_file_is_deleted_once_the_name_is_typed(index: RunningIndex, page: Page) -> None:
    page.goto("/manage/demo/releases/1.0/")
    sdist_row = page.locator(".holdings > li", has_text="demo-1.0.tar.gz")
    sdist_row.locator("summary", has_text="Delete").click()
    sdist_row.get_by_label("Type demo to confirm").fill("demmo")
    sdist_row.get_by_role("button", name="Delete this file for good").click()
    page.wait_for_selector("text=That is not the project’s name: type demo.")
    sdist_row.get_by_label("Type demo to confirm").fill("demo")
    page.keyboard.press("Enter")
    page.wait_for_selector(".messages >> text=demo-1.0.tar.gz is deleted")
    eventually(lambda: len(index.page("demo")["files"]) == 2)


@pytest.mark.parametrize("dark", [False, True])
def test_no_page_has_a_fault_of_accessibility(index: RunningIndex, dark: bool) -> None:
    with chromium_page(index, dark=dark) as page:
        sign_in(page, index, then="/manage/")
        for path in PAGES:
            page.goto(path)
            assert page.url == f"{index.url}{path}"
            for each in page.locator("details").all():
                each.locator("summary").click()
            found = Axe().run(page)
            assert found.violations_count == 0, f"{path}: {found.generate_report()}"


def test_no_page_is_wider_than_a_telephone(index: RunningIndex) -> None:
    with chromium_page(index, width=390) as page:
        sign_in(page, index, then="/manage/")
        for path in PAGES:
            page.goto(path)
            assert page.url == f"{index.url}{path}"
            for each in page.locator("details").all():
                each.locator("summary").click()
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, path


def test_warnings_and_faults_stand_beside_their_files(index: RunningIndex, page: Page) -> None:
    token = index.token()
    for minor in range(POPULAR_FILES):
        assert index.post_upload(*wheel("beloved", f"1.{minor}"), token=token).status == 200
    page.goto("/upload/")
    tried = iter(f"{'beloved'[:at]}{c}{'beloved'[at + 1 :]}" for at in range(7) for c in "acfghjkmnpqrstuwxyz23456789")

    def warned() -> bool:  # as soon as the lists of names are read again
        filename, content = wheel(next(tried), "1.0")
        page.set_input_files("#files", {"name": filename, "mimeType": "x/y", "buffer": content})
        page.get_by_role("button", name="Upload").click()
        row = page.locator(".uploads li[data-state=received]", has_text=filename)
        row.wait_for()
        return row.locator(".warning").count() == 1

    eventually(warned)
    assert "one slip of the finger from beloved" in page.locator(".uploads .warning").inner_text()
    assert "1 of them with a warning" in page.locator("#overall").inner_text()
    page.set_input_files("#files", {"name": "bad-1.0-py3-none-any.whl", "mimeType": "x/y", "buffer": b"no archive"})
    page.get_by_role("button", name="Upload").click()
    refused = page.locator(".uploads li[data-state=refused]", has_text="bad-1.0")
    assert "no archive" in refused.locator(".fault").first.inner_text()
