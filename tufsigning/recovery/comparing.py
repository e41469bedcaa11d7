"""The index against the last good state, project by project: what is read, in which order, with little in memory."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from indexsite_client.protocol import (
    RECENTLY_CLAIMED,
    NormalizedName,
    PageFile,
    ProjectPage,
    ProtocolError,
    page_bytes,
    read_page,
)
from packages import outbox
from storage.contract import blob_name, read_bytes
from tufsigning.audit.reference import read_bounded
from tufsigning.core.publication import Current
from tufsigning.errors import TrustError
from tufsigning.library import MAX_PAGE, Library
from tufsigning.recovery.copies import Copy
from tufsigning.recovery.differences import Act, Difference, find_differences
from tufsigning.recovery.errors import BytesMissingError
from tufsigning.recovery.notebook import Notebook

_AT_ONCE = 200  # projects
_MOST_ACTS = 10_000  # of one project's journal


@dataclass(frozen=True, slots=True)
class Compared:
    """A project that is not as in the copy: its page there, its page by the rows, and each difference."""

    project: NormalizedName
    good: ProjectPage | None
    rows: ProjectPage | None
    differences: tuple[Difference, ...]


def note_shown(notebook: Notebook, library: Library) -> str:
    """Note every target that clients are shown now; returns why that is not possible, empty where it is."""
    try:
        current = library.current()
        for role in (*current.bins.names(), RECENTLY_CLAIMED):  # the snapshot may name bins that were retired
            targets = library.targets(current, role)
            notebook.note_shown((path, each["hashes"]["sha256"], each["length"]) for path, each in targets.items())
    except (TrustError, KeyError, TypeError, ValueError, AttributeError) as error:
        return f"What clients are shown cannot be read: {error}"
    return ""


def compare(copy: Copy, good: Current, notebook: Notebook) -> Iterator[Compared]:
    """Every project that differs, those of the copy and of what is shown first. Reads only."""
    since = int(good.journal["entries"]) if good.journal else 0
    after = NormalizedName("")
    while names := notebook.names_after(after, limit=_AT_ONCE):
        after = names[-1]
        yield from _compare_some(copy, notebook, names, since)
    last = ""
    while found := outbox.names_after(last, limit=_AT_ONCE):
        last = found[-1]
        strangers = [name for name in found if not notebook.good(name) and not notebook.shown(name)]
        yield from _compare_some(copy, notebook, strangers, since)


def _compare_some(copy: Copy, notebook: Notebook, names: list[NormalizedName], since: int) -> Iterator[Compared]:
    pages = outbox.project_pages(names)
    for name in names:
        rows, known = pages.get(name), (notebook.good(name), notebook.shown(name))
        sha256 = notebook.good_page(name)
        is_same = rows is not None and hashlib.sha256(page_bytes(rows)).hexdigest() == sha256
        if (is_same and known[0] == known[1]) or (rows is None and sha256 is None and not known[1]):
            continue
        good = rows if is_same else _good_page(copy, name, sha256)
        acts = [_act(told) for told in outbox.journal_since(name, number=since, limit=_MOST_ACTS)]
        found = tuple(find_differences(name, good=good, rows=rows, known=known, acts=acts))
        if found:
            yield Compared(name, good, rows, found)


def _good_page(copy: Copy, name: NormalizedName, sha256: str | None) -> ProjectPage | None:
    """From the copy, or from the store, where pages lie under their hash; raises BytesMissingError."""
    if sha256 is None:
        return None
    path = copy.page(name, sha256)
    for content in (
        read_bounded(path, MAX_PAGE) if path else None,
        read_bytes(blob_name(sha256), limit=MAX_PAGE),
    ):
        if content is not None and hashlib.sha256(content).hexdigest() == sha256:
            try:
                return read_page(content)
            except ProtocolError as error:
                raise BytesMissingError(f"The page of {name} in the copy cannot be read: {error}") from error
    raise BytesMissingError(f"The page of {name} is neither in the copy nor in the store: take another copy.")


def _act(told: outbox.Told) -> Act:
    return Act(told.act, str(told.details.get("filename", "")), str(told.details.get("sha256", "")), str(told))


def files_wanted(page: ProjectPage) -> Iterator[tuple[PageFile, str]]:
    """Each file of a page with each hash that the store must have for it: of its own, of metadata and provenance."""
    for file in page.files:
        for sha256 in filter(None, (file.sha256, file.metadata_sha256, file.provenance_sha256)):
            yield file, sha256
