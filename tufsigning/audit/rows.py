"""The database against what is signed, both ways round; and the two chains.

An audit runs beside a living index: a row may be ahead of its page for a moment, and a publication of its log entry. So
a difference is told only if it is still there after a few looks, of which each is newer than the one before.
"""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice

from indexsite_client.protocol import INDEX_PAGE, NormalizedName, ProjectPage, ProtocolError, page_bytes, sort_files
from packages import outbox
from tufsigning import key_uses, log
from tufsigning.audit.targets import signed_pages
from tufsigning.audit.walk import Walk
from tufsigning.core.documents import read_signed
from tufsigning.core.findings import Finding
from tufsigning.core.log import Fault, log_faults
from tufsigning.errors import TrustError
from tufsigning.library import Library
from tufsigning.models import Publication

_LOOKS, _PAUSE = 4, 0.5  # seconds between looks
_TOLD = 100  # of one chain
Names = list[NormalizedName]


def judge_projects(walk: Walk) -> Iterator[Finding]:
    """Every signed project against its rows, and every project of the rows that should be signed."""
    library = Library()
    for pages in signed_pages(walk.ledger):
        hashes = {NormalizedName(path.removesuffix(f"/{INDEX_PAGE}")): sha256 for path, sha256, _ in pages}
        suspects = [name for name in _suspects(hashes) if not walk.ledger.is_unjudged(name)]
        walk.progress("projects", len(hashes), 0)
        yield from _still_so(suspects, lambda some: _differences(library, some))
    after = ""
    while found := outbox.names_after(after):
        after = found[-1]
        strangers = [name for name in found if walk.lacks(name)]
        yield from _still_so(strangers, lambda some: _unsigned(library, some))


def judge_log() -> Iterator[Finding]:
    """The public log against the newest publication."""
    yield from _still_true(_log_findings)


def judge_journal(walk: Walk) -> Iterator[Finding]:
    """The journal's chain; where its faults are many, the first hundred."""
    for sentence in islice(outbox.journal_faults(walk.journal), _TOLD):
        yield Finding("journal-broken", "journal", sentence)


def judge_key_uses() -> Iterator[Finding]:
    """The chain of the online key's uses; where its faults are many, the first hundred."""
    for sentence in islice(key_uses.find_faults(), _TOLD):
        yield Finding("key-use-broken", "uses of the online key", sentence)


def rolled_back() -> Iterator[Finding]:
    """Whether a newer publication was visible than the one that is; then rows say nothing of what is signed."""
    newest = Publication.objects.exclude(visible_at=None).order_by("number").last()
    number = read_signed(Library().current().snapshot)["version"]  # after the row: a row follows its timestamp
    if newest is not None and newest.number > number:
        what = f"Publication {number} is visible, and {newest.number} was."
        yield Finding("rolled-back", "timestamp.json", what)


def _log_findings() -> list[Finding]:
    try:
        signed = log.current_entry(Library().current())
    except TrustError:
        return []  # said by the walk
    return [_of(fault) for fault in log_faults(log.entries_down(), signed=signed)]


def _of(fault: Fault) -> Finding:
    return Finding(fault.code, f"log {fault.number}", fault.sentence)


def _suspects(hashes: Mapping[NormalizedName, str]) -> Iterator[NormalizedName]:
    """Projects of which the rows would not sign the very page that is signed: another, or in an older format."""
    rows, published = outbox.project_pages(hashes), outbox.published_files(hashes)
    for name, sha256 in hashes.items():
        page = rows.get(name)
        if (
            page is None
            or published[name] != {file.filename for file in page.files}
            or hashlib.sha256(page_bytes(page)).hexdigest() != sha256
        ):
            yield name


def _differences(library: Library, names: Names) -> dict[NormalizedName, Finding]:
    """Where rows and published pages say different things, and nothing waits."""
    rows, published = outbox.project_pages(names), outbox.published_files(names)
    waiting = outbox.waiting_among(names)
    found = {}
    for name in set(names) - waiting:
        page = _published_page(library, name)
        where = f"{name}/{INDEX_PAGE}"
        if page is not None and name not in rows:
            found[name] = Finding("row-missing", where, "No row of a project has this name.")
        elif _said(page) != _said(rows.get(name)):
            found[name] = Finding("row-differs", where, _what_differs(page, rows.get(name)))
        elif page is not None and published[name] != {file.filename for file in page.files}:
            what = "The rows say of other files that they are published than its page lists."
            found[name] = Finding("row-differs", where, what)
    return found


def _unsigned(library: Library, names: Names) -> dict[NormalizedName, Finding]:
    """Projects that the rows would have published, and that have no page; nothing of them waits."""
    rows, waiting = outbox.published_files(names), outbox.waiting_among(names)
    return {
        name: Finding("row-surplus", f"{name}/{INDEX_PAGE}", f"{len(rows[name])} files of it are published, say rows.")
        for name in set(names) - waiting
        if rows[name] and _published_page(library, name) is None
    }


def _said(page: ProjectPage | None) -> object:
    """What a page says, in whatever format and order."""
    return page and (sort_files(page.files), page.status, page.status_reason)


def _published_page(library: Library, name: NormalizedName) -> ProjectPage | None:
    try:
        return library.page(library.current(), name)
    except (TrustError, ProtocolError):
        return None


def _what_differs(page: ProjectPage | None, rows: ProjectPage | None) -> str:
    if page is None or rows is None:
        return (
            "It is published, and deleted in the rows." if rows is None else "Its page is gone since the audit began."
        )
    signed, known = ({file.filename: file for file in each.files} for each in (page, rows))
    differing = sorted(name for name in signed.keys() | known.keys() if signed.get(name) != known.get(name))
    if not differing:
        return f"The rows say that the project is {rows.status}, its page {page.status}."
    more = f" and {len(differing) - 1} more" if len(differing) > 1 else ""
    return f"Rows and page differ in {differing[0]}{more}."


def _still_so(names: Names, look: Callable[[Names], dict[NormalizedName, Finding]]) -> Iterator[Finding]:
    """What each of several looks finds."""
    found: dict[NormalizedName, Finding] = {}
    for number in range(_LOOKS):
        if number:
            time.sleep(_PAUSE)
        found = look(names) if names else {}
        names = sorted(found)
        if not names:
            return
    yield from (found[name] for name in names)


def _still_true(look: Callable[[], list[Finding]]) -> Iterable[Finding]:
    found: list[Finding] = []
    for number in range(_LOOKS):
        if number:
            time.sleep(_PAUSE)
        if not (found := look()):
            break
    return found
