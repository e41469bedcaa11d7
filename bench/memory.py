"""Memory of a server's processes, as the share of each in what it uses (PSS): shared pages count once in all."""

import re
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from bench.figures import Findings
from bench.names import MEMORY, OURS
from bench.processes import Running, grow_family, read_processes

MIB = 2**20
_PSS = re.compile(r"^Pss:\s+(\d+) kB", re.MULTILINE)


def note_memory(findings: Findings, case: str, who: str, server: Running) -> None:
    """Add what a server uses now, and of ours each part."""
    parts = memory_by_part(server)
    if not parts:
        return
    figures = {who: sum(parts.values())}
    if who == OURS:
        figures |= {f"{who}: {part}": size for part, size in parts.items()}
    for name, size in figures.items():
        findings.add(MEMORY, case, name, unit="MiB", value=size)


def note_most(findings: Findings) -> None:
    """Add, for each server, the highest of what was seen."""
    seen: dict[str, float] = {}
    for (section, _case, who, _unit), values in findings.samples.items():
        if section == MEMORY:
            seen[who] = max(seen.get(who, 0), *values)
    for who, size in seen.items():
        findings.add(MEMORY, "most", who, unit="MiB", value=size)


def memory_by_part(server: Running) -> dict[str, float]:
    """MiB by part: `web` and `worker` with their children, and the rest under the name of the first process."""
    sizes: dict[str, float] = {}
    for part, pids in processes_by_part(server).items():
        size = sum(_pss(pid) for pid in pids)
        if size:
            sizes[part] = size
    return sizes


def descriptors_by_part(server: Running) -> dict[str, int]:
    """Open file descriptors, by part."""
    counts: dict[str, int] = {}
    for part, pids in processes_by_part(server).items():
        for pid in pids:
            with suppress(OSError):
                counts[part] = counts.get(part, 0) + len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return counts


def processes_by_part(server: Running) -> dict[str, set[int]]:
    """The processes of a server: those of each part that `manage.py` runs, and the first with the rest."""
    parents = {pid: process.parent for pid, process in read_processes().items()}
    rest = grow_family(server.pid, parents)
    parts: dict[str, set[int]] = {}
    for pid in sorted(rest - {server.pid}):
        part = _part_of(pid)
        if part and pid in rest:
            family = grow_family(pid, parents) & rest
            parts.setdefault(part, set()).update(family)
            rest -= family
    return {"supervisor": rest, **parts}


def _part_of(pid: int) -> str:
    with suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        for script, part in pairwise(words):
            if script.endswith(b"manage.py"):
                return part.decode()
    return ""


def _pss(pid: int) -> float:
    with suppress(OSError):  # it has ended, or is not ours to read
        if found := _PSS.search(Path(f"/proc/{pid}/smaps_rollup").read_text()):
            return int(found[1]) * 1024 / MIB
    return 0
