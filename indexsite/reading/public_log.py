"""`/tuf/log`: the public log of publications, a page of lines at a time."""

from urllib.parse import parse_qs

from django.db import close_old_connections

from indexsite.reading import answers
from indexsite.reading.answers import Answer, Environ
from indexsite.reading.cache import ByteLimitedCache
from indexsite.reading.negotiation import accepts_gzip
from tufsigning.core.log import Entry
from tufsigning.log import MOST_LINES, read_entries

LINES = 100  # of a page, unless it is said
KIND = "application/jsonl"
_LONGEST = 200  # characters of a query
_LARGEST = 2**63 - 1
_FAULTY = answers.refusal(
    "400 Bad Request", f"Ask for /tuf/log?since=N&limit=L: entries behind number N, {MOST_LINES} at most."
)


def answer_log(environ: Environ, cache: ByteLimitedCache, immutable: str) -> Answer:
    """The entries behind `since`, the oldest first, one line each. A page that is full never changes."""
    asked = _asked(environ.get("QUERY_STRING", ""))
    if asked is None:
        return _FAULTY
    since, limit = asked
    gzip = accepts_gzip(environ.get("HTTP_ACCEPT_ENCODING", ""))

    def make() -> Answer:
        entries = _read(since, limit)
        is_full = len(entries) == limit and entries[-1].number == since + limit  # rows that are missing may come back
        body = b"".join(entry.line + b"\n" for entry in entries)
        etag = f"log.{since}.{entries[-1].sha256}" if entries else f"log.{since}"
        kept = immutable if is_full else answers.REVALIDATE
        answer = answers.content(body, kind=KIND, etag=etag, cache=kept, vary="Accept-Encoding")
        return answers.gzipped(answer) if gzip else answer

    return cache.get(("log", since, limit, gzip), make, lambda made: made.cost() if immutable in _cache(made) else None)


def _cache(answer: Answer) -> str:
    return dict(answer.headers)["Cache-Control"]


def _read(since: int, limit: int) -> tuple[Entry, ...]:
    """On a connection that is fit for it: the read layer stands outside Django's requests."""
    close_old_connections()
    try:
        return read_entries(after=since, limit=limit)
    finally:
        close_old_connections()


def _asked(query: str) -> tuple[int, int] | None:
    """`since` and `limit`; None where the query cannot be meant."""
    try:
        said = parse_qs(query[: _LONGEST + 1], keep_blank_values=True, strict_parsing=True, max_num_fields=2)
    except ValueError:
        said = {"": []} if query else {}
    values = {"since": 0, "limit": LINES}
    for name, texts in said.items():
        if len(query) > _LONGEST or name not in values or len(texts) != 1 or not _is_number(texts[0]):
            return None
        values[name] = int(texts[0])
    if values["since"] > _LARGEST or not 0 < values["limit"] <= MOST_LINES:
        return None
    return values["since"], values["limit"]


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()
