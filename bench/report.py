"""What was measured, as one table for people and one JSON document for later comparison."""

import json
import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from bench.cases import Case
from bench.load import CONNECTIONS
from bench.reading import Readings
from bench.servers import Kind, Server

FORMAT = 1
PRIVATE_SHARE = 0.7


@dataclass(frozen=True, slots=True)
class Ratio:
    """Our median over another one, and the goal for it where there is one."""

    case: str
    over: str
    ratio: float
    goal: float | None

    @property
    def verdict(self) -> str:
        if self.goal is None:
            return ""
        return "met" if self.ratio >= self.goal else "MISSED"


@dataclass(frozen=True, slots=True)
class Report:
    """The medians and ratios of one run, with what is needed to read them."""

    servers: tuple[Server, ...]
    cases: tuple[Case, ...]
    readings: Readings
    seconds: int
    rounds: int
    busy: float  # load average before the first measurement: where it is not near 0, figures are low

    def median(self, server: Server, case: Case) -> float | None:
        loads = self.readings.loads.get((server.name, case.name))
        return median(load.per_second for load in loads) if loads else None

    def spent_median(self, server: Server, case: Case) -> float | None:
        """Requests by processor second of the server."""
        loads = self.readings.loads.get((server.name, case.name))
        return median(load.per_spent_second for load in loads) if loads else None

    def best(self, case: Case, kind: Kind) -> tuple[float, str] | None:
        """The quickest server of a kind, as its median and name."""
        medians = [(self.median(server, case), server.name) for server in self.servers if server.kind is kind]
        return max(((figure, name) for figure, name in medians if figure is not None), default=None)

    def ratios(self) -> list[Ratio]:
        found = []
        for case in self.cases:
            ours, peer = self.best(case, Kind.OURS), self.best(case, Kind.PEER)
            if ours and peer:
                found.append(Ratio(case.title, peer[1], ours[0] / peer[0], case.goal))
        return found

    def private_ratios(self) -> list[Ratio]:
        found = []
        for case in self.cases:
            private, ours = self.best(case, Kind.PRIVATE), self.best(case, Kind.OURS)
            if private and ours:
                goal = None if case.goal is None else PRIVATE_SHARE
                found.append(Ratio(case.title, ours[1], private[0] / ours[0], goal))
        return found


def as_text(report: Report) -> str:
    """The table, the ratios, and what was not measured."""
    lines = [
        f"Reading: median requests/s of {report.rounds} rounds of {report.seconds} s, {CONNECTIONS} kept-alive"
        " connections, one server loaded at a time",
        f"while the others idle; {os.cpu_count()} cores shared with the load generator;"
        f" load average before: {report.busy:.1f}",
        "",
    ]
    header = ["", *(case.title for case in report.cases)]
    rows = [[server.name, *(show(report.median(server, case)) for case in report.cases)] for server in report.servers]
    lines += [*align([header, *rows]), ""]
    header = ["by processor second of the server", *header[1:]]
    rows = [
        [server.name, *(show(report.spent_median(server, case)) for case in report.cases)] for server in report.servers
    ]
    lines += [*align([header, *rows]), ""]
    if ratios := report.ratios():
        rows = [[ratio.case, f"{ratio.ratio:.1f} x", ratio.over, goal(ratio, "{:g} x")] for ratio in ratios]
        lines += [*align([["ours over the best peer", "", "", ""], *rows]), ""]
    if ratios := report.private_ratios():
        rows = [[ratio.case, f"{ratio.ratio:.0%}", goal(ratio, "{:.0%}")] for ratio in ratios]
        lines += [*align([["private reading over open", "", ""], *rows]), ""]
    lines += [f"not measured: {what}: {why}" for what, why in report.readings.unmeasured.items()]
    return "\n".join(lines)


def show(figure: float | None) -> str:
    """A figure at the precision that it deserves."""
    if figure is None:
        return "-"
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.1f}"


def goal(ratio: Ratio, form: str) -> str:
    """A goal and whether it is met, where there is one."""
    return "" if ratio.goal is None else f"goal {form.format(ratio.goal)}: {ratio.verdict}"


def align(rows: list[list[str]]) -> Iterable[str]:
    """Rows as lines; the first column to the left, the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for first, *others in rows:
        cells = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
        yield "  ".join(cells).rstrip()


def write_json(report: Report, path: Path) -> None:
    """Write the document, in place of an older one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(as_document(report), indent=2) + "\n")


def as_document(report: Report) -> dict[str, object]:
    """Everything that was measured, round by round."""
    return {
        "format": FORMAT,
        "taken": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cores": os.cpu_count(), "system": platform.system(), "python": platform.python_version()},
        "settings": {
            "connections": CONNECTIONS,
            "seconds": report.seconds,
            "rounds": report.rounds,
            "busy": report.busy,
        },
        "servers": {
            server.name: {"kind": server.kind, "requirements": server.requirements, "cases": _figures(report, server)}
            for server in report.servers
        },
        "ours_over_best_peer": [_ratio(ratio) for ratio in report.ratios()],
        "private_over_open": [_ratio(ratio) for ratio in report.private_ratios()],
        "not_measured": report.readings.unmeasured,
    }


def _figures(report: Report, server: Server) -> dict[str, object]:
    return {
        case.name: {
            "median_per_second": report.median(server, case),
            "median_per_processor_second": report.spent_median(server, case),
            "per_second": [load.per_second for load in loads],
            "p99_milliseconds": [round(load.p99_seconds * 1000, 3) for load in loads],
        }
        for case in report.cases
        if (loads := report.readings.loads.get((server.name, case.name)))
    }


def _ratio(ratio: Ratio) -> dict[str, object]:
    met = None if ratio.goal is None else ratio.ratio >= ratio.goal
    return {"case": ratio.case, "over": ratio.over, "ratio": round(ratio.ratio, 3), "goal": ratio.goal, "met": met}
