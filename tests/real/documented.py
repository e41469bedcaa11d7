"""The refusals of well-known files that docs/uploads.md stands by: a table of file, code of the rule, and why."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

HEADING = "#### Well-known files that are refused"
_ROW = re.compile(r"\| `([^`|]+)` \| `([a-z-]+)`: ([^|]+) \| ([^|]+) \|")


@dataclass(frozen=True, slots=True)
class Stand:
    """A refusal, its rule, and why we stand by it."""

    filename: str
    code: str
    rule: str
    reason: str


def read_stands(text: str) -> dict[str, Stand]:
    """The table below the heading, by filename; raises ValueError where a row is none."""
    rows = text.partition(HEADING)[2].partition("\n#")[0].splitlines()
    table = [row for row in rows if row.startswith("|")][2:]
    matches = [(_ROW.fullmatch(row), row) for row in table]
    if bad := [row for match, row in matches if match is None]:
        raise ValueError(f"This row is not | `file` | `code`: rule | why |: {bad[0]}")
    stands = [Stand(*match.groups()) for match, _ in matches if match]
    return {stand.filename: stand for stand in stands}


def disagreements(stands: dict[str, Stand], refused: dict[str, str], tried: Iterable[str]) -> list[str]:
    """Where the table and what happened differ; `refused` are codes by filename."""
    said = []
    for filename in sorted(tried):
        stand, code = stands.get(filename), refused.get(filename)
        if code and not stand:
            said.append(f"{filename} is refused ({code}): mend the rule, or say in docs/uploads.md why we stand by it.")
        elif stand and not code:
            said.append(f"{filename} is taken, but docs/uploads.md says that it is refused: take its row out.")
        elif stand and stand.code != code:
            said.append(f"{filename} is refused for {code}, but docs/uploads.md says for {stand.code}.")
    return said + [
        f"{filename} is in the table of docs/uploads.md, but not among the files that are tried."
        for filename in sorted(stands.keys() - set(tried))
    ]
