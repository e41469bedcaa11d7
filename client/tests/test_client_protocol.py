"""The shared protocol against the golden files, which the server's tests read too."""

import json
from pathlib import Path
from typing import Any

import pytest

from indexsite_client import protocol
from indexsite_client.protocol import PageFile, ProjectPage, ProtocolError, ShapeError

GOLDEN = Path(__file__).with_name("golden")
SHAPES: dict[str, Any] = json.loads((GOLDEN / "shapes.json").read_bytes())  # Any: documents, some malformed on purpose
PAGE = ProjectPage(
    protocol.normalize_name("Demo.Project"),
    (
        PageFile(
            "demo_project-10.0-py3-none-any.whl", "b" * 64, 2048, "2026-02-03T04:05:06.000007Z", ">=3.11,<4", "c" * 64
        ),
        PageFile("demo_project-9.0.tar.gz", "a" * 64, 1024, "2026-01-02T03:04:05.678901Z", yanked=""),
        PageFile(
            "demo_project-9.0-py3-none-any.whl", "d" * 64, 0, "2026-01-02T03:04:05.000000Z", yanked='<"broken"> & säd'
        ),
    ),
)


def test_the_canonical_page_is_the_golden_one() -> None:
    assert protocol.page_bytes(PAGE) == (GOLDEN / "page.json").read_bytes()
    assert protocol.page_html(PAGE) == (GOLDEN / "page.html").read_bytes()


def test_the_golden_page_reads_back_in_the_order_of_versions() -> None:
    page = protocol.read_page((GOLDEN / "page.json").read_bytes())

    assert set(page.files) == set(PAGE.files)
    assert page.versions() == ["9.0", "10.0"]


@pytest.mark.parametrize("case", json.loads((GOLDEN / "bad_pages.json").read_bytes()), ids=lambda case: case["fault"])
def test_a_page_in_any_other_form_is_refused(case: dict[str, str]) -> None:
    with pytest.raises(ProtocolError):
        protocol.read_page(case["page"].encode())


@pytest.mark.parametrize("case", SHAPES["allowed"], ids=lambda case: case["says"])
def test_the_shape_allows(case: dict[str, Any]) -> None:
    protocol.check_shape(case["role"], case["signed"], index_id=SHAPES["index"])


@pytest.mark.parametrize("case", SHAPES["refused"], ids=lambda case: case["says"])
def test_the_shape_refuses(case: dict[str, Any]) -> None:
    with pytest.raises(ShapeError):
        protocol.check_shape(case["role"], case["signed"], index_id=SHAPES["index"])
