"""What an import did, for people in a few lines and for programs as JSON."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from packages.moving.importing import Outcome, Verdict
from packages.moving.trees import Tree, as_utf8

_EXAMPLES = 3
_LINE = 240


@dataclass(slots=True)
class Report:
    """Counts of what became of the files; those that were refused, or forgiven something, by name."""

    tree: Tree
    is_dry_run: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    refused: list[Outcome] = field(default_factory=list)
    noted: list[Outcome] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        self.counts[outcome.verdict] += 1
        if outcome.verdict is Verdict.REFUSED:
            self.refused.append(outcome)
        elif outcome.sentences:
            self.noted.append(outcome)

    def document(self) -> dict[str, Any]:  # Any: JSON
        """All of it, for programs."""
        return {
            "folder": as_utf8(str(self.tree.top)),
            "dry_run": self.is_dry_run,
            "files": len(self.tree.files),
            "imported": self.counts[Verdict.IMPORTED],
            "here": self.counts[Verdict.HERE],
            "refused": [
                {"file": each.path, "code": each.code, "faults": list(each.sentences)} for each in self.refused
            ],
            "noted": [{"file": each.path, "notes": list(each.sentences)} for each in self.noted],
            "skipped": [{"file": path, "reason": reason} for path, reason in self.tree.skipped],
            "ignored": dict(sorted(self.tree.ignored.items())),
        }

    def lines(self) -> Iterator[str]:
        """In a few lines, with examples."""
        imported, here = self.counts[Verdict.IMPORTED], self.counts[Verdict.HERE]
        yield f"{_files(imported)} {'would be imported' if self.is_dry_run else 'imported'}, {here} were here already."
        by_code: dict[str, list[str]] = {}
        for outcome in self.refused:
            by_code.setdefault(outcome.code, []).append(outcome.sentences[0])
        for code, sentences in sorted(by_code.items(), key=lambda item: -len(item[1])):
            yield from _with_examples(f"{_files(len(sentences))} refused ({code}):", sentences)
        if self.noted:
            heading = f"{_files(len(self.noted))} imported in spite of what an upload would be refused for:"
            yield from _with_examples(heading, [outcome.sentences[0] for outcome in self.noted])
        by_reason: dict[str, list[str]] = {}
        for path, reason in self.tree.skipped:
            by_reason.setdefault(reason, []).append(path)
        for reason, paths in sorted(by_reason.items()):
            yield from _with_examples(f"{_files(len(paths))} skipped, for {reason}:", paths)
        if self.tree.ignored:
            ignored = ", ".join(f"{count} {what}" for what, count in sorted(self.tree.ignored.items()))
            yield f"Passed over: {ignored}."


def printable(text: str) -> str:
    """One line that a terminal only shows: names come from elsewhere, and may have newlines and escape sequences."""
    return "".join(each if each.isprintable() else "?" for each in text)


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def _with_examples(heading: str, examples: list[str]) -> Iterator[str]:
    yield heading
    for example in examples[:_EXAMPLES]:
        yield f"  {printable(example if len(example) <= _LINE else example[: _LINE - 1] + '…')}"
    if len(examples) > _EXAMPLES:
        yield f"  and {len(examples) - _EXAMPLES} more"
