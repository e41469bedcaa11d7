"""What becomes of each difference: a file of lines that the operator edits. Pure, but for reading it.

    restore  added  demo/demo-2.0-py3-none-any.whl
    keep     added  honest/honest-1.1-py3-none-any.whl

Lines that begin with # are words. What no line names is restored: nothing unexplained is kept by silence.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tufsigning.recovery.differences import Difference
from tufsigning.recovery.errors import DecisionFaultyError

KEEP, RESTORE = "keep", "restore"
_LONGEST_LINE = 2000
_HEAD = """\
# What becomes of what changed since the copy was made. Edit the first word of a line:
#   restore  as in the copy: what was added goes, what was removed or changed comes back
#   keep     as the index has it now; sign only what its author confirms, by another way than this index
# The journal proves nothing against somebody who could write to the database.
"""


@dataclass(frozen=True, slots=True)
class Decisions:
    """The target paths that are kept as the index has them, and whole projects of which everything is."""

    paths: frozenset[str] = frozenset()
    projects: frozenset[str] = frozenset()
    everything: bool = False

    def kept(self, differences: Iterable[Difference]) -> frozenset[str]:
        """Those of the paths of these differences."""
        return frozenset(each.path for each in differences if self._keeps(each.path))

    def _keeps(self, path: str) -> bool:
        return self.everything or path in self.paths or path.partition("/")[0] in self.projects


def decision_lines(differences: Iterable[Difference]) -> Iterator[str]:
    """The file as it is proposed: everything is restored."""
    yield _HEAD
    for each in differences:
        if each.is_to_decide:
            yield f"\n# {each.explained or 'No entry of the journal explains it.'}\n"
            yield f"{RESTORE}  {each.kind}  {each.path}\n"


def read_decisions(path: Path, *, keep: Iterable[str] = ()) -> Decisions:
    """What the file says, and what `keep` adds: target paths, projects, or `all`. Raises DecisionFaultyError."""
    named = set(keep)
    paths = {each for each in named if "/" in each}
    paths.update(_kept_lines(path))
    return Decisions(frozenset(paths), frozenset(named - paths - {"all"}), "all" in named)


def _kept_lines(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8") as lines:
            number = 0
            while line := lines.readline(_LONGEST_LINE):
                number += 1
                words = line.split()
                if not words or words[0].startswith("#"):
                    continue
                if len(words) != 3 or words[0] not in {KEEP, RESTORE} or "/" not in words[2]:
                    raise DecisionFaultyError(
                        f"Line {number} of {path} is no decision: write keep or restore, the kind, and the target path."
                    )
                if words[0] == KEEP:
                    yield words[2]
    except (OSError, UnicodeDecodeError) as error:
        raise DecisionFaultyError(f"{path} cannot be read: {error}.") from error
