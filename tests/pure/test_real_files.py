"""`make real`: its list, and that it and docs/uploads.md must agree on what is refused."""

import pytest

from tests.real import read_list
from tests.real.__main__ import DOCUMENT, LIST
from tests.real.documented import HEADING, disagreements, read_stands

ROW = "| `a-1.tar.gz` | `archive-faulty`: no top | damaged |"
TABLE = f"{HEADING}\n\n| file | rule | why |\n|---|---|---|\n{ROW}\n\nMore.\n"


def test_the_list_has_60_projects_and_the_document_stands_by_refusals_of_its_files_only() -> None:
    wanted = read_list(LIST.read_text().splitlines())
    files = [file for each in wanted.values() for file in each]
    assert len(wanted) >= 60
    assert len(files) == len(set(files))
    stands = read_stands(DOCUMENT.read_text())
    assert stands
    assert set(stands) <= set(files)


@pytest.mark.parametrize(
    ("refused", "tried", "said"),
    [
        ({"a-1.tar.gz": "archive-faulty"}, ["a-1.tar.gz", "b-1.tar.gz"], []),
        ({}, ["a-1.tar.gz"], ["a-1.tar.gz is taken, but"]),
        ({"a-1.tar.gz": "metadata-faulty"}, ["a-1.tar.gz"], ["is refused for metadata-faulty, but"]),
        ({"a-1.tar.gz": "archive-faulty", "b-1.zip": "x"}, ["a-1.tar.gz", "b-1.zip"], ["b-1.zip is refused (x): mend"]),
        ({}, [], ["a-1.tar.gz is in the table"]),
    ],
)
def test_a_refusal_and_the_document_must_agree(refused: dict[str, str], tried: list[str], said: list[str]) -> None:
    found = disagreements(read_stands(TABLE), refused, tried)
    assert [part in sentence for part, sentence in zip(said, found, strict=True)] == [True] * len(said)


def test_a_row_without_rule_or_reason_is_refused() -> None:
    with pytest.raises(ValueError, match="This row is not"):
        read_stands(TABLE.replace("`archive-faulty`: no top", "damaged"))
