"""A real browser at an index: Chromium without a window, driven by playwright."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, sync_playwright

from tests.browsing import first_password
from tests.databases import missing_part
from tests.running import RunningIndex

_QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
_QUIET += ["--disable-component-update", "--disable-sync"]


@contextmanager
def chromium_page(index: RunningIndex, *, dark: bool = False, width: int = 1200) -> Iterator[Page]:
    """A page of a new browser; relative addresses are the index's. What scripts throw fails at the end."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        missing_part("Chromium (Debian's package chromium)")
    faults: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=_QUIET)
        context = browser.new_context(
            base_url=index.url,
            viewport={"width": width, "height": 800},
            color_scheme="dark" if dark else "light",
        )
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        yield page
        browser.close()
    assert faults == []


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until it has the focus, which must be visible."""
    wanted = page.locator(selector).first
    for _ in range(80):
        page.keyboard.press("Tab")
        if wanted.evaluate("element => element === document.activeElement"):
            outline = wanted.evaluate("element => getComputedStyle(element).outlineStyle")
            assert outline != "none", f"{selector} does not show its focus"
            return
    raise AssertionError(f"{selector} cannot be reached by Tab")


def sign_in(page: Page, index: RunningIndex, *, then: str) -> None:
    """The first user, by the keyboard alone."""
    page.goto(then)
    tab_to(page, "[name=login]")
    page.keyboard.type("admin")
    tab_to(page, "[name=password]")
    page.keyboard.type(first_password(index))
    page.keyboard.press("Enter")
    page.wait_for_selector("button:has-text('Sign out')")
    assert page.url == f"{index.url}{then}"
