"""The reports of benchmarks and soaks: what they call met, missed, flat or grown follows from the figures alone."""

import json
from pathlib import Path

import pytest

from bench.errors import DocumentFaultyError
from bench.figures import Figure
from bench.names import FRONTED, INSTALLS, MEMORY, NGINX, OURS, READING, SECTIONS, SIGNING, UPLOADS
from bench.reporting.document import Compared, Document, read_whole_document, write_document
from bench.reporting.markdown import write_pages
from bench.soak.verdict import Sample, bad_lines, judge_growth

COMPARED = {OURS: Compared("ours"), "slow": Compared("peer"), "quick": Compared("peer"), NGINX: Compared("bound")}
FIGURES = (
    Figure(READING, "four-json", OURS, "/s", (2400.0, 2600.0, 9000.0)),
    Figure(READING, "four-json", "slow", "/s", (10.0,)),
    Figure(READING, "four-json", "quick", "/s", (100.0,)),
    Figure(READING, "four-json", NGINX, "/s", (50_000.0,)),
    Figure(READING, "file", FRONTED, "/s", (80.0,)),
    Figure(READING, "file", NGINX, "/s", (100.0,)),
    Figure(UPLOADS, "visible-1", OURS, "/s", (199.0,)),
    Figure(UPLOADS, "p50-1", OURS, "ms", (150.0,)),
    Figure(MEMORY, "most", OURS, "MiB", (251.0,)),
    Figure(INSTALLS, "pip", NGINX, "s", (1.0,)),
    Figure(SIGNING, "publish-256", OURS, "ms", (5.0,)),
)


def document(*figures: Figure, sections: tuple[str, ...] = SECTIONS) -> Document:
    return Document(sections, COMPARED, figures, {}, {"seconds": 1, "rounds": 3}, busy=0.1, minutes=12)


def verdicts(made: Document) -> dict[str, str]:
    return {each.goal.key: each.verdict for each in made.judgements()}


def test_goals_are_met_missed_or_not_measured() -> None:
    found = verdicts(document(*FIGURES))

    assert found["four-json"] == "met"  # the median of ours, 2,600, over the best peer, 100, and not over a bound
    assert found["file-behind-nginx"] == "MISSED"  # 0.8 of nginx
    assert found["upload-1"] == "MISSED"
    assert found["visible-1"] == "met"  # at most
    assert found["memory"] == "MISSED"
    assert found["publish-16384"] == "not measured"


def test_a_median_just_below_its_bound_is_missed() -> None:
    slower = Figure(READING, "four-json", OURS, "/s", (2400.0, 2499.0, 9000.0))

    assert verdicts(document(slower, *FIGURES[1:]))["four-json"] == "MISSED"


def test_the_page_says_which_goals_are_missed(tmp_path: Path) -> None:
    write_document(document(*FIGURES), tmp_path / "latest.json")
    write_pages(read_whole_document(tmp_path / "latest.json"), tmp_path / "performance.md")

    text = (tmp_path / "performance.md").read_text()
    assert "| page of 4 files, JSON | ≥ 25 × | 26.0 × quick | met |" in text
    assert "| uploads until visible, 1 client | ≥ 200 /s | 199 /s | **missed** |" in text
    assert "- **uploads until visible, 1 client**: " in text
    assert {path.stem for path in (tmp_path / "performance").glob("*.svg")} >= {"files", "uploads"}


def test_a_document_without_a_section_makes_no_page(tmp_path: Path) -> None:
    write_document(document(*FIGURES, sections=(READING, UPLOADS, INSTALLS)), tmp_path / "partial.json")

    with pytest.raises(DocumentFaultyError, match="lacks signing"):
        read_whole_document(tmp_path / "partial.json")


def test_a_section_without_any_figure_makes_no_page(tmp_path: Path) -> None:
    write_document(document(*FIGURES[:-1]), tmp_path / "latest.json")

    with pytest.raises(DocumentFaultyError, match="no figure of signing"):
        read_whole_document(tmp_path / "latest.json")


@pytest.mark.parametrize("damage", ["figures", "machine", "format"])
def test_a_damaged_document_is_refused(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "latest.json"
    write_document(document(*FIGURES), path)
    content = json.loads(path.read_text())
    del content[damage]
    path.write_text(json.dumps(content))

    with pytest.raises(DocumentFaultyError):
        read_whole_document(path)


def test_growth_is_seen_between_the_second_and_the_last_quarter() -> None:
    flat = [Sample(at, "web", 100 if at < 25 else 120, 30) for at in range(100)]
    growing = [Sample(at, "worker", 100 + at, 30 + at) for at in range(100)]

    found = {(each.part, each.what): each.is_flat for each in judge_growth([*flat, *growing], seconds=100)}

    assert found == {
        ("web", "MiB"): True,
        ("web", "descriptors"): True,
        ("worker", "MiB"): False,
        ("worker", "descriptors"): False,
    }


def test_too_few_samples_are_no_verdict() -> None:
    with pytest.raises(ValueError, match="too few"):
        judge_growth([Sample(at, "web", 100, 30) for at in (0, 30, 90)], seconds=100)


def test_lines_of_errors_are_found_in_a_log() -> None:
    log = [
        "web    | level=info event=fine",
        "web    | level=error event=x",
        "worker | OperationalError: database is locked",
    ]

    assert bad_lines(log) == log[1:]
