"""Whether a watch went well: nothing unexpected was answered or logged, and no part grew. Pure."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

# What the last quarter of a watch may be above the second one; the first is warming up.
MEMORY_SHARE, MEMORY_MIB = 0.10, 8.0
DESCRIPTORS = 8
LEAST_SAMPLES = 8
_BAD_LINE = re.compile(
    r"level=(error|critical)|Traceback \(most recent|ended unexpectedly|is locked|Too many open files", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Sample:
    """What a part used at a moment; `at` in seconds since the watch began."""

    at: float
    part: str
    mebibytes: float
    descriptors: int


@dataclass(frozen=True, slots=True)
class Growth:
    """A part's use in the second and in the last quarter (medians), and the most that the last may be."""

    part: str
    what: str
    before: float
    after: float
    bound: float

    @property
    def is_flat(self) -> bool:
        return self.after <= self.bound

    def __str__(self) -> str:
        verdict = "flat" if self.is_flat else "GREW"
        return f"{self.part}, {self.what}: {self.before:.1f} → {self.after:.1f}, at most {self.bound:.1f}: {verdict}"


def judge_growth(samples: Sequence[Sample], *, seconds: float) -> list[Growth]:
    """Growth of memory and descriptors by part; raises ValueError where samples are too few to tell."""
    found: list[Growth] = []
    for part in dict.fromkeys(sample.part for sample in samples):
        second = [each for each in samples if each.part == part and 0.25 <= each.at / seconds < 0.5]
        last = [each for each in samples if each.part == part and each.at / seconds >= 0.75]
        if len(second) + len(last) < LEAST_SAMPLES or not second or not last:
            raise ValueError(f"The samples of {part} are too few to tell whether it grew; watch for longer.")
        before, after = median(each.mebibytes for each in second), median(each.mebibytes for each in last)
        bound = max(before * (1 + MEMORY_SHARE), before + MEMORY_MIB)
        found.append(Growth(part, "MiB", before, after, bound))
        before, after = median(each.descriptors for each in second), median(each.descriptors for each in last)
        found.append(Growth(part, "descriptors", before, after, before + DESCRIPTORS))
    return found


def bad_lines(log: Iterable[str]) -> list[str]:
    """The lines of an index's log that tell of an error."""
    return [line.rstrip()[:500] for line in log if _BAD_LINE.search(line)]
