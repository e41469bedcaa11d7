"""The very bytes that our index answers, kept so that the bounds can answer the same.

Where our index is not part of the run and never was, pages of the same form stand in.
"""

import json
from collections.abc import Iterable
from html import escape
from pathlib import Path

from bench.cases import ACCEPT_HTML, ACCEPT_JSON, CASES, Case
from bench.distributions import REQUIRES_PYTHON, Collection, Wheel
from bench.places import WORK

FOLDER = WORK / "pages"
ENDINGS = {ACCEPT_JSON: "json", ACCEPT_HTML: "html"}


def page_path(case: Case) -> Path:
    """Where the answer to a case is kept; the ending tells its type."""
    return FOLDER / f"{case.project or 'list'}.{ENDINGS.get(case.accept, 'whl')}"


def keep_page(case: Case, body: bytes) -> None:
    """Keep an answer for the bounds, in place of an older one."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    page_path(case).write_bytes(body)


def fill_missing_pages(collection: Collection) -> None:
    """Write a stand-in for every page that was never kept."""
    for case in CASES:
        if case.collection == collection.name and not page_path(case).exists():
            keep_page(case, _stand_in(case, collection))


def _stand_in(case: Case, collection: Collection) -> bytes:
    listed = [wheel for wheel in collection.wheels if wheel.project == case.project]
    if case.file_bytes:
        return listed[0].content
    if not case.project:
        return _list_stand_in(case, sorted({wheel.project for wheel in collection.wheels}))
    links = [(f"../../files/{wheel.sha256}/{wheel.filename}", wheel) for wheel in listed]
    if case.accept == ACCEPT_JSON:
        page = {
            "meta": {"api-version": "1.1"},
            "name": case.project,
            "versions": [],
            "files": [_file_stand_in(url, wheel) for url, wheel in links],
        }
        return json.dumps(page, separators=(",", ":")).encode()
    python = escape(REQUIRES_PYTHON)
    return _html(
        f'<a href="{url}#sha256={wheel.sha256}" data-requires-python="{python}"'
        f' data-core-metadata="sha256={wheel.sha256}">{wheel.filename}</a><br>'
        for url, wheel in links
    )


def _list_stand_in(case: Case, names: list[str]) -> bytes:
    if case.accept == ACCEPT_JSON:
        page = {"meta": {"api-version": "1.1"}, "projects": [{"name": name} for name in names]}
        return json.dumps(page, separators=(",", ":")).encode()
    return _html(f'<a href="{name}/">{name}</a><br>' for name in names)


def _file_stand_in(url: str, wheel: Wheel) -> dict[str, object]:
    return {
        "filename": wheel.filename,
        "url": url,
        "hashes": {"sha256": wheel.sha256},
        "requires-python": REQUIRES_PYTHON,
        "size": len(wheel.content),
        "upload-time": "2026-01-01T00:00:00Z",
        "yanked": False,
        "core-metadata": {"sha256": wheel.sha256},
    }


def _html(anchors: Iterable[str]) -> bytes:
    return "\n".join(["<!DOCTYPE html><html><body>", *anchors, "</body></html>"]).encode()
