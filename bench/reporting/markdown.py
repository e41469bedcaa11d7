"""docs/performance.md and its charts, made from the document of a whole run and from nothing else."""

from pathlib import Path

from bench.goals import Judgement, missed_by_reason
from bench.places import CHECKOUT
from bench.reporting.charts import Bar, Group, bar_chart
from bench.reporting.document import Document
from bench.reporting.terminal import Rows, place, show, show_bound, show_value, table_rows
from bench.tables import TABLES, Table

PAGE = CHECKOUT / "docs" / "performance.md"

_OPENING = """\
# Performance

Made by `make bench` from `bench/results/latest.json`: every figure below is of one run on one machine, and none was
written by hand. Machines differ and are noisy: trust the ratios, which compare servers that took turns in the same
minutes, more than the figures. How each figure is measured, and what keeps it honest:
[bench/README.md](../bench/README.md). An index of PEP 458's size has a page of its own: [scale.md](scale.md).
"""
_REPEAT = """\
## How to repeat it

    make bench                                     # everything, about twenty minutes on an otherwise idle machine
    .venv/bin/python -m bench --only uploads       # one section, case or server; the table only
    .venv/bin/python -m bench --report             # this page once more, from the results that are there

Other indexes, nginx and wrk are fetched into `bench/.work/`; nothing is installed. Longer watches are `python -m
bench.soak --minutes 20` and `python -m bench.soak --contention --minutes 5`.
"""


def write_pages(document: Document, page: Path = PAGE) -> None:
    """Write the page, and beside it a folder of charts; raises nothing of its own: the document was checked."""
    charts = page.parent / page.stem
    charts.mkdir(parents=True, exist_ok=True)
    for old in charts.glob("*.svg"):
        old.unlink()
    for table in TABLES:
        if chart := draw_chart(document, table):
            (charts / f"{table.chart}.svg").write_text(chart)
    page.write_text(as_markdown(document))


def as_markdown(document: Document) -> str:
    """The page."""
    sections = [_OPENING, _goals(document), *(_table(document, table) for table in TABLES)]
    if document.not_measured:
        lines = [f"- {what}: {why}" for what, why in document.not_measured.items()]
        sections.append("## Not measured\n\n" + "\n".join(lines) + "\n")
    sections += [_run(document), _REPEAT]
    return "\n".join(section for section in sections if section)


def _goals(document: Document) -> str:
    judgements = document.judgements()
    met = sum(each.met is True for each in judgements)
    rows = [["goal", "asked for", "measured", ""]]
    rows += [[each.goal.what, show_bound(each), show_value(each), _verdict(each)] for each in judgements]
    missed = [f"- **{'; '.join(goals)}**: {reason}" for reason, goals in missed_by_reason(judgements).items()]
    text = f"## Goals\n\n{met} of {len(judgements)} are met.\n\n{_rows(rows, right=False)}"
    return text + ("\n\nWhat limits those that are missed:\n\n" + "\n".join(missed) + "\n" if missed else "\n")


def _verdict(judgement: Judgement) -> str:
    return {True: "met", False: "**missed**", None: "not measured"}[judgement.met]


def _table(document: Document, table: Table) -> str:
    rows = table_rows(document, table)
    if not rows:
        return ""
    chart = ""
    if table.chart:
        folder = PAGE.stem
        chart = f"![{table.title}: {table.unit}]({folder}/{table.chart}.svg)\n\n"
    return f"## {table.title}\n\n{table.unit.capitalize()}. {table.note}\n\n{chart}{_rows(rows)}\n"


def _rows(rows: Rows, *, right: bool = True) -> str:
    head, *rest = rows
    rule = ["---", *("---:" if right else "---" for _ in head[1:])]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, rule, *rest])


def _run(document: Document) -> str:
    machine, settings = document.machine, document.settings
    lines = [
        f"- Taken {document.taken} in {document.minutes:.0f} minutes; load average before: {document.busy:.1f}.",
        f"- {machine['processor']}, {machine['cores']} cores shared by servers and load, {machine['memory']};"
        f" {machine['system']}, Python {machine['python']}; Indexsite at `{machine['indexsite']}`.",
        f"- Medians of {settings['rounds']} rounds; readings of {settings['seconds']} s or more each; everything over"
        " the loopback, one server loaded at a time. Where a peer can use several processes it was measured with"
        " one and with two (`-2`), and the better one counts; ours has one web process.",
    ]
    releases = [
        f"- {name}: {', '.join(each.requirements)}" for name, each in document.compared.items() if each.requirements
    ]
    return "## The run\n\n" + "\n".join([*lines, *releases]) + "\n"


_ORDER = ("ours", "", "bound")


def _mark(kind: str) -> str:
    """How a bar is drawn: those who are no peers are ours, in one form or another, or bounds."""
    return {"peer": "", "bound": "bound"}.get(kind, "ours")


def draw_chart(document: Document, table: Table) -> str:
    """The table's chart as SVG; empty where it has none, or nothing to show."""
    titles = {column.case: column.title for column in table.columns}
    kinds = {name: each.kind for name, each in document.compared.items()}
    groups, order = [], [*document.compared]
    for case in table.charted:
        bars = [
            Bar(each.who, each.median, show(each.median), kind=_mark(kinds.get(each.who, "bound")))
            for each in document.figures
            if each.section == table.section and each.case == case and ":" not in each.who
        ]
        if bars:
            bars.sort(key=lambda bar: (_ORDER.index(bar.kind), place(bar.name, order)))
            groups.append(Group(titles[case], tuple(bars)))
    if not table.chart or not groups:
        return ""
    return bar_chart(table.title, table.unit, groups, logarithmic=table.logarithmic)
