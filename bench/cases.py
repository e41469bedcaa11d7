"""What is asked of every server: the cases, the request of each, and whether an answer is right."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import urldefrag, urljoin

from bench.asks import Answer, Ask, fetch
from bench.distributions import PAYLOAD_BYTES
from bench.errors import WrongAnswerError

JSON = "application/vnd.pypi.simple.v1+json"
# What pip sends where JSON pages can be had; and what a client without JSON sends.
ACCEPT_JSON = f"{JSON}, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01"
ACCEPT_HTML = "text/html"


@dataclass(frozen=True, slots=True)
class Case:
    """One column of the table. `links` is how many a right page has; `goal` how many times the best peer we aim at."""

    name: str
    title: str
    project: str
    accept: str
    links: int
    goal: float | None = None


CASES = (
    Case("four-json", "4 JSON", "four", ACCEPT_JSON, 4, goal=10),
    Case("four-html", "4 HTML", "four", ACCEPT_HTML, 4, goal=10),
    Case("thousand-json", "1,000 JSON", "thousand", ACCEPT_JSON, 1000, goal=40),
    Case("thousand-html", "1,000 HTML", "thousand", ACCEPT_HTML, 1000, goal=40),
    Case("list", "list HTML", "", ACCEPT_HTML, 8),
    Case("file", "50 kB file", "fifty", "*/*", 0),
)


def check_answer(case: Case, ask: Ask, answer: Answer) -> None:
    """Refuse an answer that has the wrong status, type, number of links or length."""
    if answer.status != 200:
        raise WrongAnswerError(ask.url, f"was answered {answer.status}")
    if case.name == "file":
        if len(answer.body) < PAYLOAD_BYTES:
            raise WrongAnswerError(ask.url, f"has {len(answer.body)} bytes")
        return
    expected, count = (JSON, count_files) if case.accept == ACCEPT_JSON else ("text/html", count_links)
    if answer.type != expected:
        raise WrongAnswerError(ask.url, f"is {answer.type}, not {expected}")
    if (found := count(answer.body)) != case.links:
        raise WrongAnswerError(ask.url, f"has {found} links, not {case.links}")


def count_files(body: bytes) -> int:
    """The files of a JSON page (PEP 691)."""
    return len(json.loads(body)["files"])


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
    if case.name != "file":
        return Ask(url, sent)
    page = Ask(url, {**sent, "Accept": ACCEPT_HTML})
    links = read_links(fetch(page).body)
    if not links:
        raise WrongAnswerError(url, "lists no file")
    return Ask(urldefrag(urljoin(url, links[0])).url, sent)
