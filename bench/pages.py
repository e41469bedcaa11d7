"""The very bytes that our index answers, kept so that the bounds can answer the same.

Where our index is not part of the run and never was, pages of the same form stand in.
"""

import json
from html import escape
from pathlib import Path

from bench.cases import ACCEPT_HTML, ACCEPT_JSON, CASES, Case
from bench.distributions import REQUIRES_PYTHON, Wheel
from bench.places import WORK

FOLDER = WORK / "pages"
ENDINGS = {ACCEPT_JSON: "json", ACCEPT_HTML: "html"}


def page_path(case: Case) -> Path:
    """Where the answer to a case is kept; the ending tells its type."""
    return FOLDER / f"{case.name}.{ENDINGS.get(case.accept, 'whl')}"


def keep_page(case: Case, body: bytes) -> None:
    """Keep an answer for the bounds, in place of an older one."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    page_path(case).write_bytes(body)


def fill_missing_pages(wheels: tuple[Wheel, ...]) -> None:
    """Write a stand-in for every page that was never kept."""
    for case in CASES:
        if not page_path(case).exists():
            keep_page(case, _stand_in(case, wheels))


def _stand_in(case: Case, wheels: tuple[Wheel, ...]) -> bytes:
    listed = [wheel for wheel in wheels if wheel.project == case.project]
    if case.name == "file":
        return listed[0].content
    links = [(f"../../files/{wheel.sha256}/{wheel.filename}", wheel) for wheel in listed]
    if case.accept == ACCEPT_JSON:
        files = [
            {
                "filename": wheel.filename,
                "url": url,
                "hashes": {"sha256": wheel.sha256},
                "requires-python": REQUIRES_PYTHON,
                "size": len(wheel.content),
                "upload-time": "2026-01-01T00:00:00Z",
                "yanked": False,
                "core-metadata": {"sha256": wheel.sha256},
            }
            for url, wheel in links
        ]
        page = {"meta": {"api-version": "1.1"}, "name": case.project, "versions": [], "files": files}
        return json.dumps(page, separators=(",", ":")).encode()
    if not case.project:
        anchors = [f'<a href="{name}/">{name}</a><br>' for name in sorted({wheel.project for wheel in wheels})]
    else:
        python = escape(REQUIRES_PYTHON)
        anchors = [
            f'<a href="{url}#sha256={wheel.sha256}" data-requires-python="{python}"'
            f' data-core-metadata="sha256={wheel.sha256}">{wheel.filename}</a><br>'
            for url, wheel in links
        ]
    return "\n".join(["<!DOCTYPE html><html><body>", *anchors, "</body></html>"]).encode()
