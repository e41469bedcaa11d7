"""The document of one run: everything measured, round by round, and what is needed to read it."""

import json
import os
import platform
import subprocess
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.errors import DocumentFaultyError
from bench.figures import Figure
from bench.goals import Judgement, judge
from bench.names import SECTIONS
from bench.places import CHECKOUT

FORMAT = 2


@dataclass(frozen=True, slots=True)
class Compared:
    """One of those measured: what part it plays, and the releases that it is made of."""

    kind: str
    requirements: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """One run. `busy` is the load average before the first measurement: where it is not near 0, figures are low."""

    sections: tuple[str, ...]
    compared: dict[str, Compared]
    figures: tuple[Figure, ...]
    not_measured: dict[str, str]
    settings: dict[str, int]
    busy: float
    minutes: float
    machine: dict[str, str] = field(default_factory=dict)
    taken: str = ""

    def judgements(self) -> tuple[Judgement, ...]:
        """Every goal, as far as the run had to do with its section."""
        kinds = {name: each.kind for name, each in self.compared.items()}
        measured = {figure.section for figure in self.figures} | set(self.sections)
        return tuple(each for each in judge(self.figures, kinds) if each.goal.section in measured)


def describe_machine() -> dict[str, str]:
    """What the figures depend on besides the code."""
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    return {
        "processor": _first_value("/proc/cpuinfo", "model name") or platform.machine(),
        "cores": str(os.cpu_count()),
        "memory": _memory(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "indexsite": commit.stdout.strip() or "unknown",
    }


def write_document(document: Document, path: Path) -> None:
    """Write it, in place of an older one; goals stand in it for readers and are judged anew when it is read."""
    described = {
        "format": FORMAT,
        **asdict(document),
        "machine": document.machine or describe_machine(),
        "taken": document.taken or datetime.now(UTC).isoformat(timespec="seconds"),
        "goals": [
            {"key": each.goal.key, "value": each.value, "over": each.over, "bound": each.goal.bound, "met": each.met}
            for each in document.judgements()
        ],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(described, indent=1) + "\n")


def read_document(path: Path) -> Document:
    """A document that was written before, of whatever sections; raises DocumentFaultyError."""
    try:
        read: dict[str, Any] = json.loads(path.read_text())  # Any: what a file holds
        if read["format"] != FORMAT:
            raise DocumentFaultyError(path, f"has format {read['format']}, not {FORMAT}")
        figures = tuple(
            Figure(each["section"], each["case"], each["who"], each["unit"], tuple(map(float, each["samples"])))
            for each in read["figures"]
        )
        return Document(
            sections=tuple(read["sections"]),
            compared={
                name: Compared(one["kind"], tuple(one["requirements"])) for name, one in read["compared"].items()
            },
            figures=tuple(figure for figure in figures if figure.samples),
            not_measured=dict(read["not_measured"]),
            settings=dict(read["settings"]),
            busy=float(read["busy"]),
            minutes=float(read["minutes"]),
            machine=dict(read["machine"]),
            taken=str(read["taken"]),
        )
    except FileNotFoundError:
        raise DocumentFaultyError(path, "does not exist") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DocumentFaultyError(path, f"cannot be read ({type(error).__name__}: {error})") from error


def read_whole_document(path: Path) -> Document:
    """A document of a whole run, which pages may be made from; raises DocumentFaultyError."""
    document = read_document(path)
    if missing := [section for section in SECTIONS if section not in document.sections]:
        raise DocumentFaultyError(path, f"lacks {', '.join(missing)}")
    seen = {figure.section for figure in document.figures}
    if missing := [section for section in SECTIONS if section not in seen]:
        raise DocumentFaultyError(path, f"has no figure of {', '.join(missing)}")
    return document


def _first_value(path: str, name: str) -> str:
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")


def _memory() -> str:
    kibibytes = _first_value("/proc/meminfo", "MemTotal").split()
    return f"{int(kibibytes[0]) / 2**20:.0f} GiB" if kibibytes else "unknown"
