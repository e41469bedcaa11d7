"""What every measurement comes to: figures by section, case and name, and the reasons of those that are missing."""

import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median

from bench.errors import BenchError

_BEGUN = time.monotonic()


@dataclass(frozen=True, slots=True)
class Figure:
    """One cell of a table: what `who` did in a case, once for each round."""

    section: str
    case: str
    who: str
    unit: str
    samples: tuple[float, ...]

    @property
    def median(self) -> float:
        return median(self.samples)


@dataclass(slots=True)
class Findings:
    """The figures so far, and why what is missing is missing."""

    samples: dict[tuple[str, str, str, str], list[float]] = field(default_factory=dict)
    unmeasured: dict[str, str] = field(default_factory=dict)

    def add(self, section: str, case: str, who: str, *, unit: str, value: float) -> None:
        """Note one more round of a figure."""
        self.samples.setdefault((section, case, who, unit), []).append(value)

    def extend(self, figures: Iterable[Figure]) -> None:
        """Take over figures that another process measured."""
        for figure in figures:
            for value in figure.samples:
                self.add(figure.section, figure.case, figure.who, unit=figure.unit, value=value)

    def figures(self) -> tuple[Figure, ...]:
        """All of them, in the order in which they were first measured."""
        return tuple(
            Figure(section, case, who, unit, tuple(values))
            for (section, case, who, unit), values in self.samples.items()
        )

    def note_failure(self, what: str, error: Exception) -> None:
        """Keep the reason for the report, and show it at once."""
        reason = str(error) if isinstance(error, BenchError) else f"{type(error).__name__}: {error}"
        self.unmeasured[what] = reason
        say(f"{what} cannot be measured: {reason}")


def say(sentence: str) -> None:
    """Show progress, apart from the report on standard output."""
    minutes, seconds = divmod(int(time.monotonic() - _BEGUN), 60)
    print(f"bench {minutes:>2}:{seconds:02}  {sentence}", file=sys.stderr, flush=True)
