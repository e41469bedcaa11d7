"""Descriptions: rendered after publication by a process that may be killed, shown on pages, found again after loss."""

from collections.abc import Iterator

import psutil
import pytest

from packages.renderer import Described, Renderer
from tests.conftest import NewIndex
from tests.distributions import metadata, sdist, wheel
from tests.parts import Parts, change, rows
from tests.pure.test_describing import HOSTILE_HTML
from tests.running import RunningIndex, eventually
from tests.test_pages import Page, page

SLOW = "\n".join(["`a`_ " * 1000] * 100) + "\n\n.. _a: https://example.org/\n"  # takes most of a minute


def written(name: str, text: str, kind: str = "text/markdown", extra: str = "", *, version: str = "1.0") -> bytes:
    """METADATA with this description."""
    head = metadata(name, version, f"{extra}Description-Content-Type: {kind}\n").removesuffix("Text.\n")
    if "javascript:" in extra:  # an address that only old metadata may have
        head = head.replace("Metadata-Version: 2.1", "Metadata-Version: 2.0")
    return head.encode() + text.encode()


def described_wheel(name: str, text: str, kind: str = "text/markdown", extra: str = "") -> tuple[str, bytes]:
    return wheel(name, "1.0", members={f"{name}-1.0.dist-info/METADATA": written(name, text, kind, extra)})


FACTS = """\
License: MIT
Classifier: Programming Language :: Python :: 3
Classifier: Topic :: Software Development
Project-URL: Source, https://code.example.org/shown?a=1&b="2"
Project-URL: Docs, https://docs.example.org/
Project-URL: Trap, javascript:alert(1)
Project-URL: Other trap, data:text/html,x
"""


@pytest.fixture(scope="module")
def index(one_process_index: RunningIndex) -> RunningIndex:
    """An index with a described project, a hostile one, and one whose description is no valid reStructuredText."""
    token = one_process_index.token()
    made = [
        described_wheel("shown", "# Heading\n\nSome *words*.\n", extra=FACTS),
        described_wheel("evil", HOSTILE_HTML),
        described_wheel("broken", "Title\n==\n\n`broken <b>x", "text/x-rst"),
        sdist("source", "1.0"),
    ]
    for filename, content in made:
        reply = one_process_index.post_upload(filename, content, token=token)
        assert reply.status == 200, reply.text
    eventually(lambda: all(shown(one_process_index, name) for name in ("shown", "evil", "broken", "source")))
    return one_process_index


def shown(index: RunningIndex, name: str) -> str:
    """The HTML of a project's description, empty where there is none."""
    html = index.get(f"/project/{name}/").text
    return html.partition('<div class="description">')[2].partition("</section>")[0]


@pytest.mark.parametrize("path", ["/project/shown/", "/project/shown/1.0/"])
def test_pages_show_what_a_release_says_of_itself(index: RunningIndex, path: str) -> None:
    found = page(index, path)
    assert found.faults == []
    assert "<h3" in found.html
    assert "<em>words</em>" in found.html
    assert "License MIT" in found.text
    assert "Programming Language Python :: 3" in found.text
    assert "Software Development" in found.text
    links = {attributes["href"]: attributes for tag, attributes in found.tags if tag == "a"}
    assert links["https://docs.example.org/"]["rel"] == "nofollow noopener"
    assert not [link for link in links if link and link.startswith(("javascript:", "data:"))]


def test_a_release_page_installs_that_release(index: RunningIndex) -> None:
    assert "indexsite run -- pip install shown==1.0" in page(index, "/project/shown/1.0/").commands


def test_other_spellings_of_a_release_are_redirected_and_unknown_ones_not_found(index: RunningIndex) -> None:
    for asked in ("/project/Shown/1.0/", "/project/shown/1.0.0/"):
        reply = index.get(asked)
        assert reply.status == 301
        assert reply.headers["location"].startswith("/project/shown/1.0")
    page(index, "/project/shown/2.0/", status=404)
    page(index, "/project/shown/nonsense/", status=404)
    page(index, "/project/absent/1.0/", status=404)


def test_a_hostile_description_is_harmless_in_the_page(index: RunningIndex) -> None:
    reply = index.get("/project/evil/", Accept="text/html")
    found = Page(reply.text)
    assert found.faults == []
    assert found.values("script", "src") == ["/static/copy.js", "/static/keys.js"]
    assert not [attributes for _, attributes in found.tags if {"style", "onclick", "onerror"} & set(attributes)]
    assert [source for source in found.values("img", "src") if source != "/static/mark.svg"] == []
    ids = [attributes["id"] for _, attributes in found.tags if "id" in attributes]
    assert ids.count("content") == 1
    policy = reply.headers["content-security-policy"].split("; ")
    assert {"default-src 'self'", "img-src 'self' data:"} <= set(policy)


def test_what_cannot_be_rendered_is_shown_as_written_with_the_reason(index: RunningIndex) -> None:
    text = page(index, "/project/broken/").text
    assert "`broken <b>x" in text
    assert "no valid reStructuredText" in text


def test_an_sdist_is_described_too(index: RunningIndex) -> None:
    assert "Text." in shown(index, "source")


# --- the process that renders ---


def rendering_process() -> psutil.Process:
    """The one that was started by us."""
    [found] = [each for each in psutil.Process().children() if "packages.describing" in each.cmdline()]
    return found


@pytest.fixture
def renderer() -> Iterator[Renderer]:
    with Renderer() as renderer:
        yield renderer


def test_one_process_renders_many_and_ends_with_the_block() -> None:
    with Renderer() as renderer:
        for number in range(3):
            assert renderer.describe(written("x", f"*{number}*")).html == f"<p><em>{number}</em></p>\n"
        child = rendering_process()
    assert not child.is_running()


def test_where_even_the_plain_text_takes_too_long_nothing_is_kept() -> None:
    with Renderer(seconds=0) as renderer:  # everything does
        assert renderer.describe(written("x", "*x*")) == Described(
            fault="Rendering the description took more than 10 s or too much memory."
        )
    with Renderer() as renderer:
        assert renderer.describe(written("x", "*x*")).fault == ""


def test_a_process_that_dies_is_replaced(renderer: Renderer) -> None:
    assert renderer.describe(written("x", "*a*")).html
    child = rendering_process()
    child.kill()
    child.wait(10)
    found = renderer.describe(written("x", "*b*"))
    assert (found.html, found.fault) == ("<p><em>b</em></p>\n", "")
    assert rendering_process() != child


def test_the_process_has_limits_and_none_of_our_secrets(renderer: Renderer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INDEXSITE_SECRET_KEY", "not for renderers")
    renderer.describe(written("x", "x"))
    child = rendering_process()
    assert "INDEXSITE_SECRET_KEY" not in child.environ()
    assert child.rlimit(psutil.RLIMIT_AS) == (1024**3, 1024**3)
    assert child.rlimit(psutil.RLIMIT_FSIZE) == (0, 0)
    assert 0 < child.rlimit(psutil.RLIMIT_CPU)[0] < 60
    assert child.nice() >= 10


# --- what waits, what is lost, what fails ---

WAITING = "SELECT count(*) FROM packages_release WHERE describe_at IS NOT NULL"


@pytest.fixture
def parts(new_index: NewIndex) -> Iterator[Parts]:
    """An index whose worker a test starts and stops."""
    index = new_index().start()
    index.stop()
    parts = Parts(index)
    parts.start_web()
    parts.start_worker()
    yield parts
    parts.end()


def upload(index: RunningIndex, *made: tuple[str, bytes]) -> None:
    token = index.token()
    for filename, content in made:
        assert index.post_upload(filename, content, token=token).status == 200
        index.wait_until_listed(filename.partition("-")[0], filename)


def run_sql(index: RunningIndex, statement: str) -> None:
    """Through Django, whose functions the constraints of files need."""
    index.manage("shell", "-c", f"from django.db import connection; connection.cursor().execute({statement!r})")


def until_settled(index: RunningIndex, *, within: float = 30) -> None:
    eventually(lambda: rows(index.data, WAITING) == [(0,)], within=within, what="every release described")


def test_a_lost_description_and_one_from_before_descriptions_were_are_made_again(parts: Parts) -> None:
    index = parts.index
    upload(index, described_wheel("again", "*x*"), sdist("old", "1.0"))
    until_settled(index)
    parts.stop_worker()
    assert change(index.data, "DELETE FROM packages_releasedescription") == 2
    run_sql(index, "UPDATE packages_file SET metadata_sha256 = '', metadata_is_static = 0 WHERE filename LIKE 'old%'")
    change(index.data, "UPDATE packages_release SET describe_at = '2020-01-01', describe_tries = 1")
    parts.start_worker()
    until_settled(index)
    assert "<em>x</em>" in shown(index, "again")
    assert "Text." in shown(index, "old")  # out of the archive


def test_one_that_keeps_failing_is_marked_and_left_alone(parts: Parts) -> None:
    index = parts.index
    upload(index, described_wheel("deadly", "*x*"), described_wheel("gone", "*x*"))
    until_settled(index)
    parts.stop_worker()
    change(index.data, "DELETE FROM packages_releasedescription")
    missing = "'" + "0" * 64 + "'"
    run_sql(index, f"UPDATE packages_file SET metadata_sha256 = {missing} WHERE filename LIKE 'gone%'")
    change(index.data, "UPDATE packages_release SET describe_at = '2020-01-01', describe_tries = 3")
    change(
        index.data,
        "UPDATE packages_release SET describe_tries = 0"
        " WHERE project_id = (SELECT id FROM packages_project WHERE name = 'gone')",
    )
    parts.start_worker()
    until_settled(index)
    assert "begun 3 times and never finished" in page(index, "/project/deadly/").text
    assert "missing in the store" in page(index, "/project/gone/").text


def test_what_is_not_published_is_not_described(parts: Parts) -> None:
    index = parts.index
    parts.stop_worker()
    token = index.token()
    filename, content = described_wheel("unsigned", "*x*")
    assert index.post_upload(filename, content, token=token).status == 200
    index.manage("shell", "-c", "from packages.tasks import describe_releases; describe_releases()")
    assert rows(index.data, "SELECT count(*) FROM packages_releasedescription") == [(0,)]
    assert rows(index.data, WAITING) == [(1,)]


def test_publication_goes_on_while_slow_descriptions_are_rendered(parts: Parts) -> None:
    index = parts.index
    upload(index, described_wheel("slow", SLOW, "text/x-rst"))
    upload(index, described_wheel("quick", "x"))  # which waits until it is listed
    until_settled(index, within=200)
    text = page(index, "/project/slow/").text
    assert "Rendering the description took more than 10 s" in text
    assert "`a`_ `a`_" in text  # as it was written


def test_a_database_from_before_descriptions_is_brought_up_to_date(new_index: NewIndex) -> None:
    index = new_index().start()
    upload(index, described_wheel("again", "*x*"), sdist("old", "1.0"))
    pages = [index.page(name) for name in ("again", "old")]
    index.stop()
    index.manage("migrate", "packages", "0001")
    run_sql(index, "UPDATE packages_file SET metadata_sha256 = '' WHERE filename LIKE 'old%'")  # as it was then
    index.start()
    until_settled(index)
    assert [index.page(name) for name in ("again", "old")] == pages
    assert "<em>x</em>" in shown(index, "again")
    assert "Text." in shown(index, "old")
