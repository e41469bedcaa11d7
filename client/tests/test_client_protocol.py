"""The shared protocol against the golden files, which the server's tests read too."""

import json
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tuf.api.metadata import Root, Targets

from client.tests.index_simulator import new_signer
from indexsite_client import protocol
from indexsite_client.protocol import (
    PageFile,
    ProjectPage,
    ProjectStatus,
    ProtocolError,
    RoleHeader,
    RoleKeys,
    ShapeError,
)

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
    ProjectStatus.ARCHIVED,
    '<"done"> & gön',
)
BEFORE = replace(PAGE, status=ProjectStatus.ACTIVE, status_reason="", page_format=1)  # as indexes have them signed
ATTESTED = replace(PAGE, files=tuple(replace(file, provenance_sha256="e" * 64) for file in PAGE.files))
GOLDEN_PAGES = {"page": PAGE, "page-attested": ATTESTED, "page-format-1": BEFORE}


@pytest.mark.parametrize("name", GOLDEN_PAGES)
def test_the_canonical_page_of_either_format_is_the_golden_one(name: str) -> None:
    assert protocol.page_bytes(GOLDEN_PAGES[name]) == (GOLDEN / f"{name}.json").read_bytes()
    assert protocol.page_html(GOLDEN_PAGES[name]) == (GOLDEN / f"{name}.html").read_bytes()


@pytest.mark.parametrize("name", GOLDEN_PAGES)
def test_a_golden_page_of_either_format_reads_back_in_the_order_of_versions(name: str) -> None:
    page = protocol.read_page((GOLDEN / f"{name}.json").read_bytes())

    assert set(page.files) == set(GOLDEN_PAGES[name].files)
    assert page.versions() == ["9.0", "10.0"]
    assert replace(page, files=GOLDEN_PAGES[name].files) == GOLDEN_PAGES[name]


@pytest.mark.parametrize("status", ["active", "quarantined", "deprecated"])
def test_a_page_without_files_says_its_status_in_both_forms(status: str) -> None:
    page = ProjectPage(PAGE.project, (), ProjectStatus(status))
    document = json.loads(protocol.page_bytes(page))

    assert document["project-status"] == {"status": status}
    assert (document["files"], document["versions"], document["meta"]["api-version"]) == ([], [], "1.4")
    assert f'<meta name="pypi:project-status" content="{status}">'.encode() in protocol.page_html(page)
    assert protocol.read_page(protocol.page_bytes(page)) == page


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


def test_a_key_has_the_id_that_tuf_libraries_compute() -> None:
    key = new_signer().public_key
    assert protocol.key_id(key.to_dict()) == key.keyid


@pytest.mark.parametrize("role", protocol.OFFLINE_ROLES)
def test_a_new_offline_role_has_its_shape_and_is_read_by_python_tuf(role: str) -> None:
    key = new_signer().public_key
    keys = dict.fromkeys(
        [*protocol.TOP_LEVEL, *protocol.TARGETS_DELEGATIONS, protocol.BIN_PREFIX],
        RoleKeys({key.keyid: key.to_dict()}, 1),
    )
    header = RoleHeader(role, 1, datetime(2027, 1, 1, tzinfo=UTC), "an-index")
    signed = protocol.offline_signed(header, keys, bins=protocol.Bins(16), development=False)

    if role == protocol.ROOT:
        assert Root.from_dict(deepcopy(signed)).get_delegated_role("targets").keyids == [key.keyid]
    else:
        protocol.check_shape(role, signed, index_id="an-index")
        assert Targets.from_dict(deepcopy(signed)).to_dict() == signed
    assert protocol.read_expiry(signed) == header.expires
