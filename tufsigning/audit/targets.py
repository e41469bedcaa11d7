"""Pages against their roles, files against their pages, and every blob against its signed hash."""

import hashlib
from collections.abc import Generator, Iterator

from indexsite_client.protocol import (
    INDEX_PAGE,
    NormalizedName,
    ProjectPage,
    ProtocolError,
    file_target_path,
    read_page,
)
from storage.contract import blob_name, read_bytes, the_storage
from tufsigning.audit.ledger import Ledger, Row
from tufsigning.audit.walk import Walk
from tufsigning.core.findings import Finding
from tufsigning.library import MAX_PAGE

_CHUNK = 1024 * 1024
_BATCH = 200  # pages in memory


def judge_pages(walk: Walk) -> Iterator[Finding]:
    """Read every signed page into the ledger, then compare files, pages and roles."""
    ledger = walk.ledger
    for pages in signed_pages(ledger):
        walk.progress("pages", len(pages), 0)
        ledger.add("page", ((sha256,) for _, sha256, _ in pages))
        for path, sha256, length in pages:
            page = yield from _read(path, sha256, length)
            project = path.removesuffix(f"/{INDEX_PAGE}")
            if page is None:
                ledger.add("unjudged", [(project,)])
            else:
                _note(ledger, page)
    yield from _compare(walk)


def signed_pages(ledger: Ledger) -> Iterator[list[Row]]:
    """Every signed page, some at a time."""
    after = ""
    while pages := ledger.pages(after=after, limit=_BATCH):
        yield pages
        after = pages[-1][0]


def judge_blobs(walk: Walk) -> Iterator[Finding]:
    """Stream every file, metadata file and provenance object, and compare its bytes with what is signed."""
    total = walk.ledger.count("blob")
    for number, (sha256, path, length) in enumerate(walk.ledger.blobs(), start=1):
        walk.progress("files", number, total)
        name = blob_name(sha256)
        digest, size = hashlib.sha256(), 0
        try:
            with the_storage().open(name) as file:
                while chunk := file.read(_CHUNK):
                    digest.update(chunk)
                    size += len(chunk)
        except FileNotFoundError:
            yield Finding("blob-missing", path, f"{name} is not in the store.")
            continue
        if digest.hexdigest() != sha256 or length not in {None, size}:
            yield Finding("blob-differs", path, f"{name} has {size} bytes with SHA-256 {digest.hexdigest()}.")


def _read(path: str, sha256: str, length: int | None) -> Generator[Finding, None, ProjectPage | None]:
    name = blob_name(sha256)
    content = read_bytes(name, limit=MAX_PAGE)
    if content is None:
        yield Finding("blob-missing", path, f"{name} is not in the store.")
        return None
    if hashlib.sha256(content).hexdigest() != sha256 or len(content) != length:
        yield Finding("blob-differs", path, f"{name} is not the page that is signed.")
        return None
    try:
        page = read_page(content)
        if path != f"{page.project}/{INDEX_PAGE}":
            raise ProtocolError(f"It is the page of {page.project}.")
    except ProtocolError as error:
        yield Finding("page-unreadable", path, str(error))
        return None
    return page


def _note(ledger: Ledger, page: ProjectPage) -> None:
    project = NormalizedName(page.project)
    paths = {file.filename: file_target_path(project, file.filename) for file in page.files}
    ledger.add("listed", ((paths[file.filename], file.sha256, file.size) for file in page.files))
    ledger.add("blob", ((file.sha256, file.size, paths[file.filename]) for file in page.files))
    beside = [(each.metadata_sha256, None, f"{paths[each.filename]}.metadata") for each in page.files]
    beside += [(each.provenance_sha256, None, f"{paths[each.filename]} (provenance)") for each in page.files]
    ledger.add("blob", (row for row in beside if row[0]))


def _compare(walk: Walk) -> Iterator[Finding]:
    """Where a role cannot be relied on, nothing is said of what it would vouch for."""
    for path, sha256, _ in walk.ledger.unsigned():
        if walk.reaches(path):
            yield Finding("page-lists-no-target", path, f"Its project's page lists it with SHA-256 {sha256}.")
    for path, sha256, _ in walk.ledger.contradictory():
        yield Finding("page-differs-from-target", path, f"Its project's page says SHA-256 {sha256}.")
    yield from walk.misplaced()
    for path, sha256, length in walk.ledger.unlisted():
        walk.ledger.add("blob", [(sha256, length, path)])
        project = path.partition("/")[0]
        if walk.reaches(f"{project}/{INDEX_PAGE}"):
            yield Finding("target-unlisted", path, f"It is signed with SHA-256 {sha256}.")
