"""A recovery from its beginning to its publication, step by step; each step may be repeated after a crash.

Begun: the index is read-only, and nothing is published. Compared: a folder has what differs, in words and as JSON, the
decisions to edit, and copies of what a thief left. Published: everything under new keys, and the index takes changes.
"""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import transaction

from indexsite_client.protocol import ROOT, Json
from packages import outbox
from tufsigning import log
from tufsigning.ceremony_folder import read_ceremony
from tufsigning.core.documents import read_signed
from tufsigning.core.offline import OfflineDocuments, online_key_sets
from tufsigning.core.publication import Current
from tufsigning.keys import load_online_signers
from tufsigning.library import Library
from tufsigning.models import Recovery
from tufsigning.recovery import evidence
from tufsigning.recovery.cases import CASES
from tufsigning.recovery.comparing import compare, note_shown
from tufsigning.recovery.copies import Copy, open_copy
from tufsigning.recovery.decisions import decision_lines, read_decisions
from tufsigning.recovery.differences import Difference
from tufsigning.recovery.errors import RecoveryError
from tufsigning.recovery.good import verify_copy
from tufsigning.recovery.ground import check_new, ground_of, read_shown
from tufsigning.recovery.notebook import Notebook
from tufsigning.recovery.republishing import is_published, republish, settle
from tufsigning.recovery.restoring import restore_projects

SHOWN = 200  # differences that are told on a terminal; the files have all
Clock = Callable[[], datetime]


@dataclass(slots=True)
class Report:
    """What a comparison found: counted in full, the first differences kept to be told."""

    folder: Path
    good: Json = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)
    documents: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    first: list[Difference] = field(default_factory=list)
    unexplained: int = 0
    left_out: list[str] = field(default_factory=list)

    def note(self, each: Difference) -> Difference:
        """Count it."""
        self.counts[each.kind] += 1
        self.unexplained += not each.explained
        if len(self.first) < SHOWN:
            self.first.append(each)
        return each


def under_way() -> Recovery | None:
    """The recovery that is not published yet."""
    return Recovery.objects.filter(is_under_way=True).first()


def folder_of(recovery: Recovery) -> Path:
    """Where a recovery keeps its files, readable by the owner of the data folder only."""
    return Path(settings.DATA) / "recovery" / str(recovery.pk)


def _begin(case: str, reference: Path, fingerprint: str, *, now: datetime) -> Recovery:
    """Begin, or go on with the one that is under way, whose copy may be another one now."""
    with transaction.atomic():
        recovery = under_way()
        said = {"reference": str(reference.resolve()), "fingerprint": fingerprint}
        if recovery is None:
            recovery = Recovery.objects.create(case=case, began_at=now, **said)
        Recovery.objects.filter(pk=recovery.pk).update(**said)
        outbox.hold("its keys are replaced after a break-in, see /trust/")
    recovery.refresh_from_db()
    return recovery


def abandon(*, now: datetime) -> bool:
    """Give up the recovery that is under way; False where there is none."""
    with transaction.atomic():
        done = Recovery.objects.filter(is_under_way=True).update(is_under_way=False, abandoned_at=now)
        if done:
            outbox.release_hold()
        return bool(done)


@contextmanager
def _verified(reference: Path, fingerprint: str) -> Iterator[tuple[Copy, Current, Notebook]]:
    """The copy, its state once it is verified, and its targets."""
    copy = open_copy(reference)
    with Notebook() as notebook:
        yield copy, verify_copy(copy, fingerprint=fingerprint, note=notebook.note_good), notebook


def look(case: str, reference: Path, fingerprint: str, *, now: datetime) -> Report:
    """Make the index read-only, compare, and write what was found; again, it goes on with the recovery under way.

    A copy that cannot be believed changes nothing. A file of decisions that is there already stays as it was edited.
    """
    known = under_way()
    if known is not None and known.case != case:
        raise RecoveryError(f"A recovery of the case {known.case} is under way: finish or --abandon it first.")
    with _verified(reference, fingerprint) as (copy, good, notebook):
        recovery = _begin(case, reference, fingerprint, now=now)
        folder = folder_of(recovery)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        report, doubt = Report(folder), note_shown(notebook, Library())
        report.good = _described(good, notebook.count_good(), can_restore=copy.can_restore)
        report.doubts = [*([doubt] if doubt else []), *_chain_doubts(good)]
        report.documents = list(_document_words(good))
        found: list[Difference] = []
        keeper = evidence.Keeper(folder / "evidence")
        for compared in compare(copy, good, notebook):
            found += [report.note(each) for each in compared.differences]
            keeper.keep_files(compared.differences)
        keeper.keep_documents(good)
        report.left_out = keeper.left_out
        _write(folder / "differences.json", [json.dumps(_as_json(report, found), indent=1)])
        if not (folder / "decisions.txt").exists():
            _write(folder / "decisions.txt", decision_lines(found))
        _write(folder / "decisions.proposed.txt", decision_lines(found))
    Recovery.objects.filter(pk=recovery.pk).update(compared_at=now)
    return report


def publish(
    recovery: Recovery,
    ceremony: Path,
    *,
    keep: Iterable[str] = (),
    decisions: Path | None = None,
    clock: Clock,
    wait: Callable[[float], None],
) -> int:
    """Restore by the decisions, and publish everything with what the ceremony signed; returns how many rows changed."""
    if recovery.compared_at is None:
        raise RecoveryError("Nothing was compared yet: run the command with --reference first, and look at the files.")
    decided = read_decisions(decisions or folder_of(recovery) / "decisions.txt", keep=keep)
    case, changed = CASES[recovery.case], 0
    with _verified(Path(recovery.reference), recovery.fingerprint) as (copy, good, notebook):
        new = read_ceremony(ceremony, current=good)
        if is_published(new):
            log.keep_entry(Library().current())
            settle(recovery, now=clock())
            return 0
        shown = read_shown()
        ground = ground_of(case, good, shown, before_root=new.roots[0].version)
        new = _not_in_force(read_ceremony(ceremony, current=ground), ground)
        check_new(new, case=case, ground=ground, now=clock())
        _check_signer(new, ground)
        note_shown(notebook, Library())
        changed = restore_projects(compare(copy, good, notebook), copy, decided, now=clock())
    republish(recovery, new, ground, clock=clock, wait=wait)
    return changed


def _not_in_force(new: OfflineDocuments, ground: Current) -> OfflineDocuments:
    """Without what the ground has already."""
    return OfflineDocuments(
        new.roots, {role: each for role, each in new.others.items() if each.content != ground.upper[role]}
    )


def _check_signer(new: OfflineDocuments, ground: Current) -> None:
    """Raise OnlineKeyError unless we have the online key that the new documents name, before anything changes."""
    upper = {**ground.upper, **{role: each.content for role, each in new.others.items()}}
    load_online_signers(online_key_sets(read_signed(new.roots[-1].content), upper))


def _described(good: Current, targets: int, *, can_restore: bool) -> Json:
    place = good.log or {}
    return {
        "publication": read_signed(good.snapshot)["version"],
        "at": place.get("at", ""),
        "targets": targets,
        "root": read_signed(good.roots[-1])["version"],
        "journal": good.journal,
        "can_restore": can_restore,
    }


def _chain_doubts(good: Current) -> Iterator[str]:
    if good.journal and outbox.journal_lacks(entries=good.journal["entries"], sha256=good.journal["sha256"]):
        yield (
            f"The journal is not the one of the copy: its entry {good.journal['entries']} is missing or another one."
            " What it tells explains nothing."
        )
    for sentence in outbox.journal_faults(good.journal):
        yield sentence
        break


def _document_words(good: Current) -> Iterator[str]:
    """What became of the offline documents."""
    shown = read_shown().current
    if shown is None:
        yield "What clients are shown is no whole publication."
        return
    roots = (read_signed(good.roots[-1])["version"], shown.root_version)
    versions = {ROOT: roots} | {
        role: (read_signed(content)["version"], read_signed(shown.upper[role])["version"])
        for role, content in good.upper.items()
    }
    for role, (was, now_is) in versions.items():
        if was != now_is:
            yield f"{role} was version {was} in the copy, and is {now_is}."


def _as_json(report: Report, found: list[Difference]) -> Json:
    return {
        "copy": report.good,
        "doubts": report.doubts,
        "documents": report.documents,
        "counts": dict(report.counts),
        "unexplained": report.unexplained,
        "differences": [each.said() for each in found],
    }


def _write(path: Path, parts: Iterable[str]) -> None:
    """A file that is whole as soon as it has its name."""
    temporary = path.with_name(f".{path.name}.new")
    with temporary.open("w", encoding="utf-8") as file:
        file.writelines(parts)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
