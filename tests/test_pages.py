"""The pages for people: what they say, what they must never say, and that they are sound HTML under the CSP."""

import re
import urllib.parse
from dataclasses import dataclass, field
from html.parser import HTMLParser

import pytest

from tests.browsing import Browser
from tests.conftest import NewIndex
from tests.distributions import metadata, sdist, wheel
from tests.running import Reply, RunningIndex

VOID = {"link", "meta", "img", "br", "hr", "input"}
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&"


@dataclass
class Page(HTMLParser):
    """An HTML page taken apart; `faults` are elements that are not closed, or closed wrongly."""

    html: str
    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    open_tags: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.feed(self.html)
        self.close()
        self.faults += [f"<{tag}> is never closed" for tag in self.open_tags]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open_tags.append(tag)
        if tag == "pre":
            self.commands.append("")

    def handle_endtag(self, tag: str) -> None:
        if not self.open_tags or self.open_tags.pop() != tag:
            self.faults.append(f"</{tag}> closes nothing at {self.getpos()}")

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        if "pre" in self.open_tags:
            self.commands[-1] += data

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def values(self, tag: str, attribute: str) -> list[str]:
        """The values of an attribute of all elements of one kind."""
        return [value for name, attrs in self.tags if name == tag and (value := attrs.get(attribute)) is not None]


def page(index: RunningIndex, path: str, *, status: int = 200) -> Page:
    """A page of the index, which must have this status and be sound."""
    reply = index.get(path, Accept="text/html")
    assert reply.status == status, reply.text
    return Page(reply.text)


@pytest.fixture(scope="module")
def index(module_index: RunningIndex) -> RunningIndex:
    """An index with a project of twelve releases, and one whose metadata are hostile."""
    token = module_index.token()
    made = [wheel("Many.Releases", f"1.{minor}") for minor in range(12)]
    made += [sdist("many-releases", "1.11"), wheel("many-releases", "2.0rc1")]
    hostile = metadata("hostile", "1.0").replace("A test of hostile.", HOSTILE)
    made.append(wheel("hostile", "1.0", members={"hostile-1.0.dist-info/METADATA": hostile.encode()}))
    for filename, content in made:
        name = "hostile" if filename.startswith("hostile") else "Many.Releases"
        reply = module_index.post_upload(filename, content, token=token, name=name)
        assert reply.status == 200, reply.text
    module_index.wait_until_listed("many-releases", *[name for name, _ in made[:-1]])
    module_index.wait_until_listed("hostile", made[-1][0])
    return module_index


PATHS = [
    "/",
    "/project/many-releases/",
    "/project/hostile/",
    "/project/many-releases/1.3/",
    "/project/absent/",
    "/nowhere",
]


@pytest.fixture(params=PATHS)
def reply(index: RunningIndex, request: pytest.FixtureRequest) -> Reply:
    """Each page in turn."""
    return index.get(request.param, Accept="text/html")


def test_the_home_page_shows_commands_with_the_indexs_own_address(index: RunningIndex) -> None:
    commands = page(index, "/").commands
    for command in (
        f"pip install --index-url {index.url}/simple/ NAME",
        f"uv pip install --default-index {index.url}/simple/ NAME",
        f"twine upload --verbose --repository-url {index.url}/legacy/ -u __token__ -p TOKEN dist/*",
        f"uv publish --publish-url {index.url}/legacy/ --token TOKEN",
        f"indexsite trust {index.url}/ --fingerprint {index.fingerprint()} --development",
        "indexsite run -- pip install NAME",
    ):
        assert command in commands


def test_extra_index_url_is_named_only_to_warn_of_it(index: RunningIndex) -> None:
    home = page(index, "/")
    assert home.text.count("--extra-index-url") == 1
    assert re.search(r"Never add this index beside another with --extra-index-url ?:", home.text)
    assert not [command for command in home.commands if "extra" in command]
    assert "extra-index-url" not in page(index, "/project/many-releases/").text


def test_the_home_page_lists_the_latest_projects(index: RunningIndex) -> None:
    home = page(index, "/")
    assert "/project/many-releases/" in home.values("a", "href")
    assert "Many.Releases" in home.text  # as its first upload spelt it


def test_a_project_page_lists_every_file_with_a_link_that_downloads_it(index: RunningIndex) -> None:
    shown = page(index, "/project/many-releases/")
    links = [link for link in shown.values("a", "href") if link.startswith("/files/")]
    listed = index.page("many-releases")["files"]
    assert sorted(links) == sorted(f"/files/{file['hashes']['sha256']}/{file['filename']}" for file in listed)
    for file in listed:
        sha256, size = file["hashes"]["sha256"], file["size"]
        assert sha256 in shown.text  # whole, so that it can be copied
        assert len(index.get(f"/files/{sha256}/{file['filename']}").body) == size


def test_a_project_page_says_how_to_install_it(index: RunningIndex) -> None:
    assert page(index, "/project/many-releases/").commands == [
        "indexsite run -- pip install many-releases",
        f"pip install --index-url {index.url}/simple/ many-releases",
        f"uv pip install --default-index {index.url}/simple/ many-releases",
    ]


def test_releases_are_newest_first_and_a_pre_release_is_not_the_latest(index: RunningIndex) -> None:
    text = page(index, "/project/many-releases/").text
    order = ["2.0rc1 pre-release", "1.11 latest", *[f"1.{minor} 1 file" for minor in range(10, -1, -1)]]
    places = [text.index(each) for each in order]
    assert places == sorted(places)


def test_a_project_page_says_who_vouches_and_who_owns(index: RunningIndex) -> None:
    text = page(index, "/project/many-releases/").text
    assert "The index itself, with its online key (role unclaimed )" in text
    assert "Owner admin" in text
    assert "A test of" in text


def test_times_are_machine_readable(index: RunningIndex) -> None:
    for path in ("/", "/project/many-releases/"):
        times = page(index, path).values("time", "datetime")
        assert times
        assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00", time) for time in times)


@pytest.mark.parametrize("path", ["/", "/project/many-releases/"])
def test_pages_of_a_development_index_say_so_and_call_nothing_claimed(index: RunningIndex, path: str) -> None:
    text = page(index, path).text
    assert "Development index." in text
    assert "claimed" not in text.replace("unclaimed", "")


@pytest.mark.parametrize("path", PATHS[:4])
def test_pages_say_that_they_are_not_signed(index: RunningIndex, path: str) -> None:
    assert re.search(r"Pages like this one, and the list of all projects, .* not signed", page(index, path).text)


def test_an_unknown_project_gets_a_page_with_ways_on(index: RunningIndex) -> None:
    lost = page(index, "/project/absent/", status=404)
    assert "There is no project absent here." in lost.text
    assert {"/", "/simple/"} <= set(lost.values("a", "href"))
    assert "Resolver404" not in page(index, "/nowhere", status=404).text


def test_a_name_that_is_none_is_shown_escaped(index: RunningIndex) -> None:
    html = index.get(f"/project/{urllib.parse.quote('<b>x', safe='')}/").text
    assert "<b>x" not in html


@pytest.mark.parametrize("spelling", ["Many.Releases", "many_releases", "MANY--releases"])
def test_another_spelling_is_redirected_to_the_normalized_name(index: RunningIndex, spelling: str) -> None:
    answer = index.get(f"/project/{spelling}/")
    assert answer.status == 301
    assert answer.headers["location"] == "/project/many-releases/"


@pytest.mark.parametrize("path", ["/", "/project/hostile/"])
def test_a_hostile_summary_is_text_and_nothing_else(index: RunningIndex, path: str) -> None:
    shown = page(index, path)
    assert HOSTILE in shown.text
    assert [src for src in shown.values("img", "src") if not src.startswith("/static/")] == []
    assert "<script>" not in shown.html


def test_every_page_is_balanced_html(reply: Reply) -> None:
    shown = Page(reply.text)
    assert shown.faults == []
    assert reply.text.startswith("<!doctype html>")
    ids = [attrs["id"] for _, attrs in shown.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert [tag for tag, _ in shown.tags].count("h1") == 1


def test_every_page_keeps_to_its_content_security_policy(reply: Reply) -> None:
    assert "default-src 'self'" in reply.headers["content-security-policy"]
    shown = Page(reply.text)
    assert "style" not in [tag for tag, _ in shown.tags]
    assert len(shown.values("script", "src")) == [tag for tag, _ in shown.tags].count("script")
    for tag, attrs in shown.tags:
        assert not [name for name in attrs if name == "style" or name.startswith("on")], tag
    loaded = [str(attrs["href"]) for tag, attrs in shown.tags if tag == "link" and attrs["rel"] != "alternate"]
    for address in [*shown.values("script", "src"), *shown.values("img", "src"), *loaded]:
        assert address.startswith("/static/")


@pytest.mark.parametrize(
    ("name", "kind"), [("indexsite.css", "text/css"), ("mark.svg", "image/svg+xml"), ("copy.js", "text/javascript")]
)
def test_static_files_are_served(index: RunningIndex, name: str, kind: str) -> None:
    answer = index.get(f"/static/{name}")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith(kind)
    assert "http:" not in answer.text.replace("http://www.w3.org/2000/svg", "")


def test_who_signed_in_is_said_and_signing_out_is_a_post(index: RunningIndex) -> None:
    assert "/account/login/?next=%2F" in page(index, "/").values("a", "href")
    browser = Browser(index)
    browser.sign_in()
    signed_in = Page(browser.get("/project/many-releases/").html)
    assert "/account/tokens/" in signed_in.values("a", "href")
    assert signed_in.faults == []
    assert ("form", {"method": "post", "action": "/account/logout/"}) in signed_in.tags
    assert browser.post("/account/logout/", {}).status == 200
    assert "/account/login/?next=%2F" in Page(browser.get("/").html).values("a", "href")


def test_an_empty_index_shows_how_to_fill_it(new_index: NewIndex) -> None:
    index = new_index().start()
    home = page(index, "/")
    assert "No projects yet." in home.text
    assert ".venv/bin/python manage.py create_token --user admin" in home.commands
    assert home.faults == []


def test_a_private_index_asks_visitors_to_sign_in_and_says_how_to_read_it(new_index: NewIndex) -> None:
    index = new_index(INDEXSITE_PRIVATE="1").start()
    answer = index.get("/", Accept="text/html")
    assert (answer.status, answer.headers["location"]) == (302, "/account/login/?next=/")
    home = Page(Browser(index).sign_in().html)
    assert "machine 127.0.0.1 login __token__ password TOKEN" in home.commands
    assert home.faults == []
