"""Project pages against the PEPs' forms, as pip's own parser and real installers read them, odd projects among them."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexsite_client.protocol import (
    SIMPLE_HTML,
    SIMPLE_JSON,
    NormalizedName,
    PageFile,
    ProjectPage,
    ProjectStatus,
    page_bytes,
    page_html,
)
from tests.distributions import sdist, wheel
from tests.page_schemas import HtmlPage, html_faults, json_faults
from tests.pip_reading import Served, read_with_pip
from tests.running import BIN, RunningIndex

TIME = "2026-01-02T03:04:05.678901Z"
ADDRESS = "http://127.0.0.1:1/simple/odd/"
HTML, API_HTML = "text/html; charset=utf-8", f"{SIMPLE_HTML}; charset=utf-8"
SHA = "0123456789abcdef" * 4
REASONS = [
    "",
    "broken",
    "<script>alert('x')</script>",
    "a \"quoted\" & 'odd' reason",
    "日本語 ü 🐍",
    "&lt;",
    "-->",
    "x" * 500,
]


def odd_page(*files: PageFile, status: ProjectStatus = ProjectStatus.ACTIVE, reason: str = "") -> ProjectPage:
    return ProjectPage(NormalizedName("odd"), files, status, reason)


PAGES = {
    "nothing": odd_page(),
    "quarantined": odd_page(status=ProjectStatus.QUARANTINED, reason='"malware" <b>'),
    "archived": odd_page(PageFile("odd-1.0.tar.gz", SHA, 0, TIME), status=ProjectStatus.ARCHIVED, reason="see ü & ö"),
    "yanked": odd_page(
        *(PageFile(f"odd-{n}.0.tar.gz", SHA, 1, TIME, yanked=reason) for n, reason in enumerate(REASONS)),
        PageFile("odd-99.0.tar.gz", SHA, 1, TIME),
    ),
    "requires python": odd_page(
        *(
            PageFile(f"odd-{n}.0.tar.gz", SHA, 1, TIME, requires_python=text)
            for n, text in enumerate([">=3.8,<4", "!=3.0.*,>=2.7", "~=3.9", "===3.11.0", "<=3.12"])
        )
    ),
    "names": odd_page(
        *(
            PageFile(name, SHA, 2**40, TIME, metadata_sha256=SHA if name.endswith(".whl") else "")
            for name in [
                "odd-1.0+local.1-py3-none-any.whl",
                "odd-1!2.0.tar.gz",
                "ODD-1.0.post1.dev2.zip",
                "odd-1.0rc1-2_build-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
            ]
        )
    ),
}


def expected(page: ProjectPage) -> list[dict[str, Any]]:  # Any: as pip says it
    """What an installer should take from a page."""
    return sorted(
        (
            {
                "filename": file.filename,
                "url": urljoin(ADDRESS, f"../../files/{file.sha256}/{file.filename}"),
                "hashes": {"sha256": file.sha256},
                "requires_python": file.requires_python or None,
                "yanked": file.yanked,
                "metadata": {"sha256": file.metadata_sha256} if file.metadata_sha256 else None,
            }
            for file in page.files
        ),
        key=lambda link: str(link["filename"]),
    )


def as_read(links: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """pip's links, without the percents that it leaves in or takes out of addresses."""
    plain = [{**link, "url": link["url"].replace("%2B", "+").replace("%21", "!")} for link in links]
    return sorted(plain, key=lambda link: str(link["filename"]))


@pytest.mark.parametrize("name", PAGES)
def test_an_odd_page_has_the_forms_of_the_peps(name: str) -> None:
    assert json_faults(json.loads(page_bytes(PAGES[name]))) == []
    assert html_faults(page_html(PAGES[name])) == []


def test_pip_reads_from_an_odd_page_what_it_says_in_either_form() -> None:
    served = [
        Served(ADDRESS, kind, page_bytes(page) if kind == SIMPLE_JSON else page_html(page))
        for page in PAGES.values()
        for kind in (SIMPLE_JSON, API_HTML, HTML)
    ]
    for found, page in zip(read_with_pip(served), [page for page in PAGES.values() for _ in range(3)], strict=True):
        assert as_read(found) == expected(page)


@settings(max_examples=200, deadline=None)
@given(
    reason=st.none() | st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=80),
    python=st.sampled_from(["", ">=3", "<3.13,>=3.9", "!=3.1.*"]),
    has_metadata=st.booleans(),
    version=st.from_regex(
        r"([1-9]!)?[0-9]{1,3}(\.[0-9]{1,3}){0,3}((a|b|rc)[0-9])?(\.post[0-9])?(\.dev[0-9])?", fullmatch=True
    ),
)
def test_any_page_has_the_forms_of_the_peps_and_html_says_what_json_says(
    reason: str | None, python: str, has_metadata: bool, version: str
) -> None:
    file = PageFile(f"odd-{version}-py3-none-any.whl", SHA, 7, TIME, python, SHA if has_metadata else "", reason)
    document = json.loads(page_bytes(odd_page(file)))
    assert json_faults(document) == []
    assert html_faults(page_html(odd_page(file))) == []
    page = HtmlPage()
    page.feed(page_html(odd_page(file)).decode())
    [(_, link)] = page.links
    entry = document["files"][0]
    assert link.get("data-yanked") == (None if reason is None else reason)
    assert entry["yanked"] == (False if reason is None else reason or True)
    assert link.get("data-requires-python", "") == entry.get("requires-python", "") == python


SPOILT: list[dict[str, Any]] = [  # Any: JSON
    {"meta": {}},
    {"meta": {"api-version": "2.0"}},
    {"name": "Odd"},
    {"more": 1},
    {"versions": ["1.0", "1.0"]},
    {"project-status": {"status": "gone"}},
    {"project-status": {"status": "quarantined"}},
    {"files": [{"filename": "odd-1.0.tar.gz", "url": "x#sha256=1", "hashes": {"sha256": SHA}, "size": 1}]},
]
ENTRIES: tuple[dict[str, Any], ...] = (
    {"size": "1"},
    {"hashes": {}},
    {"hashes": {"sha256": SHA.upper()}},
    {"yanked": ""},
    {"requires-python": ""},
    {"upload-time": "2026-01-02 03:04:05"},
    {"upload-time": "2026-01-02T03:04:05+00:00"},
    {"core-metadata": {}},
    {"core-metadata": True, "dist-info-metadata": False},
    {"provenance": "/relative"},
)
SPOILT += [
    {"files": [{"filename": "odd-1.0.tar.gz", "url": "x", "hashes": {"sha256": SHA}, "size": 1, **entry}]}
    for entry in ENTRIES
]


@pytest.mark.parametrize("change", SPOILT, ids=str)
def test_the_schemas_refuse_what_the_peps_do(change: dict[str, Any]) -> None:
    sound = json.loads(page_bytes(PAGES["archived"]))
    assert json_faults(sound) == []
    assert json_faults({**sound, **change})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<!DOCTYPE html>\n", ""),
        ("pypi:repository-version", "version"),
        (">odd-1.0.tar.gz<", ">odd<"),
        ("#sha256=", "#md5="),
        ("<h1>", "<script></script><h1>"),
        (".gz#sha256", '.gz" onclick="x" data-yanked="#sha256'),
    ],
)
def test_the_form_of_html_refuses_what_pep_503_does(old: str, new: str) -> None:
    sound = page_html(PAGES["archived"]).decode()
    assert old in sound
    assert html_faults(sound.replace(old, new, 1).encode())


@pytest.fixture(scope="module")
def index(module_index: RunningIndex) -> RunningIndex:
    """An index with a project of three releases: one yanked for an odd reason, one for another Python."""
    token = module_index.token()
    files = [
        wheel("odd-one", "1.0", extra="Requires-Python: >=3.8,<4\n"),
        sdist("odd-one", "1.0"),
        wheel("odd-one", "2.0"),
        wheel("odd-one", "3.0", extra="Requires-Python: >=4\n"),
    ]
    for filename, content in files:
        assert module_index.post_upload(filename, content, token=token).status == 200
    module_index.manage(
        "shell", "-c",
        "from accounts.actors import signed_in_actor; from accounts.models import User;"
        "from django.utils import timezone;"
        "from packages.life.releases import yank_release; admin = User.objects.get(username='admin');"
        f"yank_release(signed_in_actor(admin), 'odd-one', '2.0', reason={REASON!r}, now=timezone.now())",
    )  # fmt: skip
    module_index.wait_until_listed("odd-one", *(filename for filename, _ in files))
    module_index.wait_until_settled()
    return module_index


REASON = "breaks <everything> & \"more\" than 'that' ü"
ACCEPTS = [
    # what they send, word for word
    ("application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01", SIMPLE_JSON),
    ("application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01", SIMPLE_JSON),
    ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", HTML),
    # the ranges and versions of PEP 691
    ("application/vnd.pypi.simple.latest+html", API_HTML),
    ("APPLICATION/VND.PYPI.SIMPLE.V1+JSON", SIMPLE_JSON),
    ("text/*", HTML),
    ("application/*", SIMPLE_JSON),
    ("application/vnd.pypi.simple.v2+json, application/vnd.pypi.simple.v1+json;q=0.1", SIMPLE_JSON),
    ("application/vnd.pypi.simple.v1+json;q=0.5, application/vnd.pypi.simple.v1+html;q=0.6", API_HTML),
    ("text/html;q=nonsense, application/vnd.pypi.simple.v1+json;q=0.1", SIMPLE_JSON),
    ("text/html;level=1;q=0.2, application/vnd.pypi.simple.v1+json; q=0.1", HTML),
    (", ,", None),
    ("application/vnd.pypi.simple.v2+json", None),
    ("application/vnd.pypi.simple.v1+json;q=0", None),
    ("image/png", None),
]


@pytest.mark.parametrize(("accept", "kind"), ACCEPTS)
@pytest.mark.parametrize("path", ["/simple/", "/simple/odd-one/"])
def test_each_accept_header_gets_exactly_this_content_type(
    index: RunningIndex, path: str, accept: str, kind: str | None
) -> None:
    reply = index.get(path, Accept=accept)
    assert reply.status == (200 if kind else 406)
    assert reply.headers["content-type"] == (kind or "text/plain; charset=utf-8")
    assert kind or "HTML and as JSON" in reply.text  # a refusal says what there is


def test_served_pages_have_the_forms_of_the_peps_and_pip_reads_them(index: RunningIndex) -> None:
    assert json_faults(index.get("/simple/", Accept=SIMPLE_JSON).json(), is_list=True) == []
    detail = index.get("/simple/odd-one/", Accept=SIMPLE_JSON)
    assert json_faults(detail.json()) == []
    served = []
    for accept in (SIMPLE_JSON, SIMPLE_HTML, "text/html"):
        reply = index.get("/simple/odd-one/", Accept=accept)
        assert accept == SIMPLE_JSON or html_faults(reply.body) == []
        served.append(Served(f"{index.url}/simple/odd-one/", reply.headers["content-type"], reply.body))
    as_json, as_api_html, as_html = (as_read(found) for found in read_with_pip(served))
    assert as_json == as_api_html == as_html
    assert [(link["filename"], link["yanked"], link["requires_python"]) for link in as_json] == [
        ("odd_one-1.0-py3-none-any.whl", None, ">=3.8,<4"),
        ("odd_one-1.0.tar.gz", None, None),
        ("odd_one-2.0-py3-none-any.whl", REASON, None),
        ("odd_one-3.0-py3-none-any.whl", None, ">=4"),
    ]
    for link in as_json:
        assert index.get(link["url"].removeprefix(index.url)).status == 200


INSTALLERS = {
    "pip": [sys.executable, "-m", "pip", "download", "--no-deps", "--isolated", "--index-url"],
    "uv": [str(BIN / "uv"), "pip", "install", "--no-cache", "--no-config", "--default-index"],
}


@pytest.mark.parametrize("tool", INSTALLERS)
@pytest.mark.parametrize(("wanted", "version"), [("odd-one", "1.0"), ("odd-one==2.0", "2.0")])
def test_installers_pass_over_a_yanked_release_unless_it_is_pinned(
    index: RunningIndex, tmp_path: Path, tool: str, wanted: str, version: str
) -> None:
    into = ["--dest", str(tmp_path)] if tool == "pip" else ["--target", str(tmp_path)]
    command = [*INSTALLERS[tool], f"{index.url}/simple/", *into, wanted]
    kept = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=kept, cwd=tmp_path)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert list(tmp_path.glob(f"odd_one-{version}*")), said
    assert (REASON in said) == (version == "2.0"), said
