"""What is asked of every server: the cases, the request of each, and whether an answer is right."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import urldefrag, urljoin

from bench.asks import Answer, Ask, fetch
from bench.distributions import LARGE_FILE_BYTES, SMALL_FILE_BYTES, WIDE_PROJECTS
from bench.errors import WrongAnswerError

JSON = "application/vnd.pypi.simple.v1+json"
# What pip sends where JSON pages can be had; and what a client without JSON sends.
ACCEPT_JSON = f"{JSON}, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01"
ACCEPT_HTML = "text/html"
ACCEPT_ANY = "*/*"
CONNECTIONS = 16


@dataclass(frozen=True, slots=True)
class Case:
    """One column of the table. `links` is how many a right page has, `file_bytes` how long a file is at least."""

    name: str
    title: str
    project: str  # empty for the list of projects
    accept: str
    links: int = 0
    file_bytes: int = 0
    connections: int = CONNECTIONS
    collection: str = "main"


CASES = (
    Case("four-json", "4 files, JSON", "four", ACCEPT_JSON, 4),
    Case("four-html", "4 files, HTML", "four", ACCEPT_HTML, 4),
    Case("thousand-json", "1,000 files, JSON", "thousand", ACCEPT_JSON, 1000),
    Case("thousand-html", "1,000 files, HTML", "thousand", ACCEPT_HTML, 1000),
    Case("list-json", "list, JSON", "", ACCEPT_JSON, WIDE_PROJECTS, collection="wide"),
    Case("list-html", "list, HTML", "", ACCEPT_HTML, WIDE_PROJECTS, collection="wide"),
    Case("file-1", "50 kB, 1 connection", "fifty", ACCEPT_ANY, file_bytes=SMALL_FILE_BYTES, connections=1),
    Case("file", "50 kB, 16 connections", "fifty", ACCEPT_ANY, file_bytes=SMALL_FILE_BYTES),
    Case("large-file-1", "50 MB, 1 connection", "heavy", ACCEPT_ANY, file_bytes=LARGE_FILE_BYTES, connections=1),
    Case("large-file", "50 MB, 16 connections", "heavy", ACCEPT_ANY, file_bytes=LARGE_FILE_BYTES),
)


def check_answer(case: Case, ask: Ask, answer: Answer) -> None:
    """Refuse an answer that has the wrong status, type, number of links or length."""
    if answer.status != 200:
        raise WrongAnswerError(ask.url, f"was answered {answer.status}")
    if case.file_bytes:
        if len(answer.body) < case.file_bytes:
            raise WrongAnswerError(ask.url, f"has {len(answer.body)} bytes")
        return
    expected, count = (JSON, count_entries) if case.accept == ACCEPT_JSON else ("text/html", count_links)
    if answer.type != expected:
        raise WrongAnswerError(ask.url, f"is {answer.type}, not {expected}")
    if (found := count(answer.body)) != case.links:
        raise WrongAnswerError(ask.url, f"has {found} links, not {case.links}")


def count_entries(body: bytes) -> int:
    """The files of a JSON page, or the projects of a JSON list (PEP 691)."""
    page = json.loads(body)
    return len(page["files"] if "files" in page else page["projects"])


def count_links(body: bytes) -> int:
    """The files or projects of an HTML page (PEP 503)."""
    return len(read_links(body))


def read_links(page: bytes) -> list[str]:
    """The `href` of each anchor of an HTML page."""
    links: list[str] = []

    class Anchors(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            links.extend(value for name, value in attrs if tag == "a" and name == "href" and value)

    Anchors().feed(page.decode())
    return links


def ask_by_page(case: Case, page_of: Callable[[str], str], headers: dict[str, str] | None = None) -> Ask:
    """The request of a case at an index whose pages are at `page_of(project)`; a file's URL is read from its page."""
    url = page_of(case.project)
    sent = {"Accept": case.accept, "User-Agent": "pip/26.0", **(headers or {})}
    if not case.file_bytes:
        return Ask(url, sent)
    page = Ask(url, {**sent, "Accept": ACCEPT_HTML})
    links = read_links(fetch(page).body)
    if not links:
        raise WrongAnswerError(url, "lists no file")
    return Ask(urldefrag(urljoin(url, links[0])).url, sent)
