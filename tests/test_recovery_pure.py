"""What differs from the last good state, what explains it, and what becomes of it: values in, values out."""

from dataclasses import replace
from pathlib import Path

import pytest

from indexsite_client.protocol import NormalizedName, PageFile, ProjectPage, ProjectStatus, page_bytes
from tufsigning.recovery.decisions import Decisions, decision_lines, read_decisions
from tufsigning.recovery.differences import Act, Difference, find_differences, wanted_page
from tufsigning.recovery.errors import DecisionFaultyError

DEMO = NormalizedName("demo")


def file(version: str, sha256: str = "a") -> PageFile:
    return PageFile(f"demo-{version}.tar.gz", sha256 * 64, 1, "2026-01-01T00:00:00.000000Z")


def page(*files: PageFile, status: ProjectStatus = ProjectStatus.ACTIVE) -> ProjectPage:
    return ProjectPage(DEMO, files, status)


def targets(found: ProjectPage | None) -> dict[str, str]:
    if found is None:
        return {}
    return {each.filename: each.sha256 for each in found.files} | {"index.json": str(hash(page_bytes(found)))}


def differences(
    good: ProjectPage | None, rows: ProjectPage | None, *acts: Act, shown: ProjectPage | None = None
) -> list[Difference]:
    known = targets(good), targets(shown or rows)
    return list(find_differences("demo", good=good, rows=rows, known=known, acts=acts))


ONE, TWO, OTHER = file("1"), file("2", "b"), file("1", "c")
YANKED = replace(ONE, yanked="bad")


@pytest.mark.parametrize(
    ("good", "rows", "kinds"),
    [
        (page(ONE), page(ONE), {}),
        (page(ONE), page(ONE, TWO), {"demo/demo-2.tar.gz": "added"}),
        (page(ONE, TWO), page(ONE), {"demo/demo-2.tar.gz": "removed"}),
        (page(ONE), page(OTHER), {"demo/demo-1.tar.gz": "changed"}),
        (page(ONE), page(YANKED), {"demo/index.json": "page"}),
        (page(ONE), page(ONE, status=ProjectStatus.ARCHIVED), {"demo/index.json": "page"}),
        (None, page(ONE), {"demo/demo-1.tar.gz": "added", "demo/index.json": "page"}),
        (page(ONE), None, {"demo/demo-1.tar.gz": "removed", "demo/index.json": "page"}),
        (page(), page(), {}),
    ],
)
def test_each_kind_of_change_is_found(
    good: ProjectPage | None, rows: ProjectPage | None, kinds: dict[str, str]
) -> None:
    found = differences(good, rows)
    assert {each.path: each.kind for each in found} == kinds
    as_in_the_copy = wanted_page("demo", good=good, rows=rows, kept=frozenset())
    as_in_the_rows = wanted_page("demo", good=good, rows=rows, kept=frozenset(each.path for each in found))
    assert (as_in_the_copy and page_bytes(as_in_the_copy)) == (good and page_bytes(good))
    assert (as_in_the_rows and page_bytes(as_in_the_rows)) == (rows and page_bytes(rows))


def test_what_is_only_shown_is_told_and_not_to_be_decided() -> None:
    [found] = differences(page(ONE), page(ONE), shown=page(ONE, TWO))
    assert (found.kind, found.path, found.is_to_decide) == ("shown-only", "demo/demo-2.tar.gz", False)


def test_an_upload_explains_its_very_bytes_and_nothing_else() -> None:
    upload = Act("file.added", "demo-2.tar.gz", "b" * 64, "entry 7")
    assert [each.explained for each in differences(page(ONE), page(ONE, TWO), upload)] == ["entry 7"]
    forged = replace(upload, sha256="d" * 64)
    assert [each.explained for each in differences(page(ONE), page(ONE, TWO), forged)] == [""]
    assert [each.explained for each in differences(page(ONE, TWO), page(ONE), upload)] == [""]  # it is no deletion
    changed = differences(page(ONE), page(OTHER), replace(upload, filename=ONE.filename, sha256=OTHER.sha256))
    assert [each.explained for each in changed] == [""]  # nothing explains other bytes under a name


def test_one_file_is_kept_without_the_others() -> None:
    three = file("3", "e")
    kept = wanted_page("demo", good=page(ONE), rows=page(OTHER, TWO, three), kept=frozenset({"demo/demo-3.tar.gz"}))
    assert kept is not None
    assert {each.filename: each.sha256[0] for each in kept.files} == {"demo-1.tar.gz": "a", "demo-3.tar.gz": "e"}


def test_a_new_project_of_which_one_file_is_kept_has_a_page() -> None:
    kept = wanted_page("demo", good=None, rows=page(ONE, TWO), kept=frozenset({"demo/demo-1.tar.gz"}))
    assert kept is not None
    assert [each.filename for each in kept.files] == ["demo-1.tar.gz"]


def test_decisions_restore_whatever_they_do_not_keep(tmp_path: Path) -> None:
    found = differences(page(ONE), page(ONE, TWO, file("3", "e")))
    path = tmp_path / "decisions.txt"
    path.write_text("".join(decision_lines(found)))
    assert read_decisions(path).kept(found) == frozenset()
    path.write_text(path.read_text().replace("restore  added  demo/demo-3", "keep  added  demo/demo-3"))
    assert read_decisions(path).kept(found) == {"demo/demo-3.tar.gz"}
    path.write_text("")
    assert read_decisions(path).kept(found) == frozenset()
    everything = {each.path for each in found}
    assert read_decisions(path, keep=["demo"]).kept(found) == everything
    assert read_decisions(path, keep=["all"]).kept(found) == everything
    assert read_decisions(path, keep=["demo/demo-2.tar.gz"]).kept(found) == {"demo/demo-2.tar.gz"}
    assert Decisions(projects=frozenset({"dem"})).kept(found) == frozenset()


@pytest.mark.parametrize(
    "line", ["perhaps added demo/x", "keep demo/x", "keep added demo", "keep added demo/a b", "\0"]
)
def test_a_line_that_is_no_decision_is_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "decisions.txt"
    path.write_text(f"# words\n\n{line}\n")
    with pytest.raises(DecisionFaultyError, match="Line 3"):
        read_decisions(path)
    with pytest.raises(DecisionFaultyError, match="cannot be read"):
        read_decisions(tmp_path / "missing")
