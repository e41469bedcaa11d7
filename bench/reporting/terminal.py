"""The report for the terminal: every table, then every goal, then what could not be measured."""

from collections.abc import Iterator

from bench.goals import Judgement, missed_by_reason
from bench.reporting.document import Document
from bench.tables import TABLES, Table

Rows = list[list[str]]


def as_text(document: Document) -> str:
    """Everything that a run measured, for people."""
    settings = document.settings
    lines = [
        f"Medians of {settings['rounds']} rounds, of {settings['seconds']} s each where reading; one server loaded at a"
        " time;",
        f"{document.machine['cores']} cores, shared with the load; load average before: {document.busy:.1f};"
        f" {document.minutes:.0f} minutes in all.",
        "",
    ]
    for table in TABLES:
        if rows := table_rows(document, table):
            lines += [f"{table.title} ({table.unit})", *align(rows), ""]
    if judgements := document.judgements():
        lines += ["Goals", *align([["", "", "goal", ""], *map(_goal_cells, judgements)]), ""]
        lines += [f"missed: {'; '.join(goals)}: {reason}" for reason, goals in missed_by_reason(judgements).items()]
    lines += [f"not measured: {what}: {why}" for what, why in document.not_measured.items()]
    return "\n".join(lines)


def table_rows(document: Document, table: Table) -> Rows:
    """Heading and rows of a table; columns and rows without any figure are left out."""
    cases = [column.case for column in table.columns]
    found = {
        (each.who, each.case): each.median
        for each in document.figures
        if each.section == table.section and each.case in cases
    }
    columns = [column for column in table.columns if any(case == column.case for _, case in found)]
    order = [*document.compared]
    names = sorted({who for who, _ in found}, key=lambda who: place(who, order))
    rows = [[who, *(show(found.get((who, column.case))) for column in columns)] for who in names]
    return [["", *(column.title for column in columns)], *rows] if rows else []


def place(who: str, order: list[str]) -> tuple[int, str]:
    """Where a row stands: as those compared are listed, the parts of one below it, and whatever else at the end."""
    name = who.partition(":")[0]
    return order.index(name) if name in order else len(order), who


def show(figure: float | None) -> str:
    """A figure at the precision that it deserves."""
    if figure is None:
        return "–"
    digits = next(digits for least, digits in ((100, 0), (10, 1), (1, 2), (0, 3)) if abs(figure) >= least)
    return f"{figure:,.{digits}f}"


def show_value(judgement: Judgement) -> str:
    """What a goal is about, as measured: a ratio with whom it is over, or a figure with its unit."""
    if judgement.value is None:
        return "–"
    if judgement.goal.unit == "x":
        return f"{show(judgement.value)} × {judgement.over}"
    return f"{show(judgement.value)} {judgement.goal.unit}"


def show_bound(judgement: Judgement) -> str:
    """The goal, as a bound."""
    goal = judgement.goal
    return f"{'≤' if goal.at_most else '≥'} {goal.bound:,.3g} {'×' if goal.unit == 'x' else goal.unit}"


def _goal_cells(judgement: Judgement) -> list[str]:
    return [judgement.goal.what, show_value(judgement), show_bound(judgement), judgement.verdict]


def align(rows: Rows) -> Iterator[str]:
    """Rows as lines; the first column to the left, the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for first, *others in rows:
        cells = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
        yield "  ".join(cells).rstrip()
