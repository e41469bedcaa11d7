"""Signing in and one's tokens, as a person at a browser meets them."""

import re

import pytest

from tests.browsing import Browser, first_password
from tests.conftest import NewIndex
from tests.distributions import wheel
from tests.running import RunningIndex, eventually
from tests.test_pages import Page

TOKEN = re.compile(r"ixs_[0-9A-Za-z]{49}")
FORM = {"name": "laptop", "scope": "upload", "projects": "", "days": "90"}


@pytest.fixture(scope="module")
def index(module_index: RunningIndex) -> RunningIndex:
    """An index with a second user, who is no administrator."""
    module_index.manage(
        "shell",
        "-c",
        "from accounts.models import User; User.objects.create_user('ada', password='lovely-engines-1843')",
    )
    return module_index


@pytest.fixture
def browser(index: RunningIndex) -> Browser:
    signed_in = Browser(index)
    signed_in.sign_in("ada", "lovely-engines-1843")
    return signed_in


def made_token(html: str) -> str:
    [text] = set(TOKEN.findall(html))
    return str(text)


def test_signing_in_leads_where_one_wanted_to_go_and_out_again(index: RunningIndex) -> None:
    browser = Browser(index)
    asked = browser.get("/account/tokens/")
    assert asked.url.endswith("/account/login/?next=/account/tokens/")
    assert Page(asked.html).faults == []
    seen = browser.sign_in("ada", "lovely-engines-1843", then="/account/tokens/")
    assert seen.url == f"{index.url}/account/tokens/"
    assert "Your tokens" in Page(seen.html).text
    browser.post("/account/logout/", {})
    assert browser.get("/account/tokens/").url.endswith("/account/login/?next=/account/tokens/")


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/", "/\\evil.example"])
def test_signing_in_leads_to_no_other_site(index: RunningIndex, elsewhere: str) -> None:
    seen = Browser(index).sign_in("ada", "lovely-engines-1843", then=elsewhere)
    assert seen.url.startswith(index.url + "/")


def test_a_wrong_password_is_refused_without_saying_which_half_is_wrong(index: RunningIndex) -> None:
    wrong, unknown = Browser(index).sign_in("ada", "wrong"), Browser(index).sign_in("nobody", "wrong")
    said = [[text for text in Page(seen.html).texts if "not correct" in text] for seen in (wrong, unknown)]
    assert said[0] == said[1] != []
    assert Page(wrong.html).faults == []


def test_guessing_passwords_is_slowed_down(new_index: NewIndex) -> None:
    index = new_index().start()
    tries = [Browser(index).sign_in("admin", f"guess {number}") for number in range(8)]
    assert "Too many" in tries[-1].html or tries[-1].status == 429
    assert "Too many" in Browser(index).sign_in("admin", first_password(index)).html  # not even the right one


def test_nobody_signs_up(index: RunningIndex) -> None:
    assert Browser(index).get("/account/signup/").status == 404


def test_the_administration_has_no_second_sign_in(index: RunningIndex) -> None:
    assert "/account/login/" in Browser(index).get("/admin/login/?next=/admin/").url
    seen = Browser(index).sign_in(then="/admin/")
    assert seen.status == 200
    assert seen.url == f"{index.url}/admin/"


def test_a_token_is_made_shown_once_and_uploads(index: RunningIndex, browser: Browser) -> None:
    browser.get("/account/tokens/")
    seen = browser.post("/account/tokens/", {**FORM, "projects": "Made.Here, other"})
    text = made_token(seen.html)
    assert Page(seen.html).faults == []
    assert "no-store" in seen.headers["cache-control"]
    again = browser.get("/account/tokens/").html
    assert text not in again
    assert "laptop" in again
    assert "May upload to made-here, other" in Page(again).text
    assert index.post_upload(*wheel("made-here", "1.0"), token=text).status == 200
    assert index.post_upload(*wheel("not-named", "1.0"), token=text).status == 403


def test_a_token_for_reading_does_not_upload(index: RunningIndex, browser: Browser) -> None:
    browser.get("/account/tokens/")
    text = made_token(browser.post("/account/tokens/", {**FORM, "scope": "read"}).html)
    assert index.post_upload(*wheel("read-only", "1.0"), token=text).status == 403


@pytest.mark.parametrize(
    ("field", "value"), [("name", ""), ("projects", "no/name"), ("scope", "claim"), ("days", "100000"), ("days", "x")]
)
def test_a_form_filled_in_wrongly_makes_nothing_and_says_why(browser: Browser, field: str, value: str) -> None:
    browser.get("/account/tokens/")
    seen = browser.post("/account/tokens/", {**FORM, field: value})
    assert TOKEN.findall(seen.html) == []
    assert 'class="fault"' in seen.html
    assert Page(seen.html).faults == []


def test_one_revokes_ones_own_tokens_only(index: RunningIndex, browser: Browser) -> None:
    browser.get("/account/tokens/")
    made = browser.post("/account/tokens/", {**FORM, "name": "to revoke"})
    text, way = made_token(made.html), re.findall(r'action="(/account/tokens/\d+/revoke/)"', made.html)[0]
    stranger = Browser(index)
    stranger.sign_in(then="/account/tokens/")
    assert stranger.post(way, {}).status == 404
    assert index.post_upload(*wheel("revoked", "1.0"), token=text).status == 200
    seen = browser.post(way, {})
    assert "is revoked" in Page(seen.html).text
    assert way not in seen.html
    numbers = iter(range(1, 100))
    eventually(lambda: index.post_upload(*wheel("revoked", f"1.{next(numbers)}"), token=text).status == 401, within=7)


def test_a_post_from_elsewhere_does_nothing(index: RunningIndex, browser: Browser) -> None:
    seen = browser.post("/account/tokens/", {**FORM, "name": "forged", "csrfmiddlewaretoken": "x" * 64})
    assert seen.status == 403
    assert "forged" not in browser.get("/account/tokens/").html


def test_a_hostile_name_is_text(browser: Browser) -> None:
    browser.get("/account/tokens/")
    seen = browser.post("/account/tokens/", {**FORM, "name": "<script>alert(1)</script>"})
    assert "<script>alert" not in seen.html
    assert "<script>alert(1)</script>" in Page(seen.html).text


def test_a_password_is_changed_and_the_old_one_ends(index: RunningIndex) -> None:
    script = "from accounts.models import User; User.objects.create_user('grace', password='compilers-are-possible')"
    index.manage("shell", "-c", script)
    browser, other = Browser(index), Browser(index)
    for each in (browser, other):
        each.sign_in("grace", "compilers-are-possible")
    fields = {"oldpassword": "compilers-are-possible", "password1": "nanoseconds-of-wire", "password2": ""}
    assert 'class="fault"' in browser.post("/account/password/", fields).html
    browser.get("/account/password/")
    browser.post("/account/password/", {**fields, "password2": "nanoseconds-of-wire"})
    assert browser.get("/account/tokens/").url == f"{index.url}/account/tokens/"
    assert "/account/login/" in other.get("/account/tokens/").url
    assert Browser(index).sign_in("grace", "nanoseconds-of-wire").url == f"{index.url}/"


def test_where_the_first_password_lies_is_told_until_it_is_of_no_use(new_index: NewIndex) -> None:
    index = new_index().start()
    browser, first = Browser(index), first_password(index)
    assert "first-sign-in" in browser.get("/account/login/").html
    browser.sign_in(password=first)
    assert "first-sign-in" not in Browser(index).get("/account/login/").html
    index.stop()
    index.start()
    assert first_password(index) == first
    new = "differently-lovely-1815"
    browser.post("/account/password/", {"oldpassword": first, "password1": new, "password2": new})
    index.stop()
    index.start()
    assert not (index.data / "first-sign-in").exists()
    assert "first-sign-in: its password is no longer in use" in index.log.read_text()
