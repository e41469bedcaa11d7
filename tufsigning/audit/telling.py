"""What an audit tells: lines as they come, or one JSON object; counted in full, kept and shown up to a bound."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tufsigning.audit.comparison import Difference
from tufsigning.audit.walk import Walk
from tufsigning.core.findings import ADVICE, Finding

SHOWN = 1000  # findings, and differences; beyond, they are counted


@dataclass(slots=True)
class Told:
    """What was found so far; `out` is told at once, None keeps all for `document`."""

    out: Callable[[str], None] | None = None
    findings: list[Finding] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    codes: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)

    def add(self, each: Finding | Difference) -> None:
        """Count it, and show it unless there are too many."""
        if isinstance(each, Finding):
            self.codes[each.code] += 1
            self._show(self.findings, each, str(each))
        else:
            self.kinds[each.kind] += 1
            self._show(self.differences, each, f"{each.kind}: {each.path}: {each.was or '-'} -> {each.now or '-'}")

    def summary(self, walk: Walk) -> list[str]:
        """Sentences at the end: what to do about each kind of finding, then how much was looked at."""
        lines = [f"{code} ({count}): {ADVICE[code]}" for code, count in sorted(self.codes.items())]
        if self.kinds:
            lines.append(
                "Since the copy: " + ", ".join(f"{self.kinds[kind]} {kind}" for kind in sorted(self.kinds)) + "."
            )
        looked = f"{walk.ledger.count('document')} documents and {walk.ledger.count('target')} targets"
        state = f"{self.codes.total()} findings" if self.codes else "nothing is wrong"
        return [*lines, f"Publication {walk.number}: {looked}, {state}."]

    def document(self, walk: Walk) -> str:
        """All of it as JSON; `counts` are of everything, the lists go up to SHOWN."""
        said = {
            "publication": walk.number,
            "documents": walk.ledger.count("document"),
            "targets": walk.ledger.count("target"),
            "counts": dict(self.codes),
            "findings": [
                {"code": each.code, "where": each.where, "what": each.what, "advice": each.advice}
                for each in self.findings
            ],
            "differences": dict(self.kinds),
            "differing": [
                {"kind": each.kind, "path": each.path, "was": each.was, "now": each.now} for each in self.differences
            ],
        }
        return json.dumps(said, indent=2)

    def _show(self, kept: list[Finding] | list[Difference], each: Finding | Difference, line: str) -> None:
        if len(kept) < SHOWN:
            kept.append(each)  # type: ignore[arg-type]  # each goes into the list of its kind
            if self.out is not None:
                self.out(line)
