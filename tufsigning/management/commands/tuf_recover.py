"""`manage.py tuf_recover`: after a break-in, from the last good copy to one publication under new keys."""

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from storage.contract import StorageUnavailableError
from tufsigning.clock import signing_time
from tufsigning.errors import TrustError
from tufsigning.models import Recovery
from tufsigning.recovery import bulletins, story
from tufsigning.recovery.cases import CASES, ROOT_KEY
from tufsigning.recovery.errors import RecoveryError
from tufsigning.recovery.root_key import replace_root_key
from tufsigning.recovery.story import Report

_FAULTS = (TrustError, DatabaseError, StorageUnavailableError, OSError)


class Command(BaseCommand):
    """Each step may be run again; run it in the environment of the worker, for the last one signs."""

    help = (
        "Regain trust after a break-in. First: CASE --reference COPY --fingerprint SHA256 makes the index read-only and"
        " lists what changed since the copy. Then edit the decisions, replace the keys in a ceremony, and publish:"
        " CASE --ceremony FOLDER. docs/recovery.md is the guide."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("case", nargs="?", choices=list(CASES), help="; ".join(map(_said, CASES)))
        parser.add_argument(
            "--reference", type=Path, metavar="COPY", help="a mirror, an export, a backup, or a file of hashes"
        )
        parser.add_argument("--fingerprint", metavar="SHA256", default="", help="of the root, from paper")
        parser.add_argument("--ceremony", type=Path, metavar="FOLDER", help="publish what this ceremony signed")
        parser.add_argument("--decisions", type=Path, metavar="FILE", help="another one than the recovery's own")
        parser.add_argument(
            "--keep", action="append", default=[], metavar="WHAT", help="a target path, a project, or 'all'; repeatable"
        )
        parser.add_argument("--lost", action="append", default=[], metavar="ID", help=f"with {ROOT_KEY}: a lost key")
        parser.add_argument("--status", action="store_true", help="how far it is, and what is next")
        parser.add_argument("--abandon", action="store_true", help="give the recovery up; nothing is published")
        parser.add_argument("--bulletin", type=Path, metavar="FILE", help="put this bulletin at /trust/bulletins/")
        parser.add_argument("--bulletin-template", action="store_true", help="print a bulletin to be edited")
        parser.add_argument("--json", action="store_true", help="the comparison as JSON")

    def handle(self, *args: object, **options: Any) -> None:  # Any: argparse's values
        try:
            self._do(**options)
        except _FAULTS as error:
            raise CommandError(str(error).strip()) from error

    def _do(self, *, case: str | None, **options: Any) -> None:  # Any: as above
        if options["bulletin_template"]:
            self.stdout.write(bulletins.template(case or ""))
        elif options["bulletin"]:
            bulletin = bulletins.publish_file(options["bulletin"], now=signing_time())
            self.stdout.write(f"Published at /trust/bulletins/{bulletin.pk}/; /trust/ warns and links to it.")
        elif options["abandon"]:
            self.stdout.write("Given up; uploads are taken again." if story.abandon(now=signing_time()) else _NOTHING)
        elif options["status"] or case is None:
            self._tell_status()
        elif case == ROOT_KEY:
            self._replace_root_key(options["ceremony"], options["lost"])
        elif options["ceremony"]:
            self._publish(case, **options)
        else:
            self._look(case, options["reference"], options["fingerprint"], as_json=options["json"])

    def _look(self, case: str, reference: Path | None, fingerprint: str, *, as_json: bool) -> None:
        known = story.under_way()
        reference = reference or (Path(known.reference) if known else None)
        fingerprint = (fingerprint or (known.fingerprint if known else "")).lower()
        if reference is None or not fingerprint:
            raise RecoveryError("Name the copy with --reference, and the root's --fingerprint from your papers.")
        report = story.look(case, reference, fingerprint, now=signing_time())
        if as_json:
            self.stdout.write((report.folder / "differences.json").read_text())
            return
        for line in _words(report):
            self.stdout.write(line)
        self.stdout.write(_next_of(case, report.folder))

    def _publish(self, case: str, *, ceremony: Path, decisions: Path | None, keep: list[str], **_: object) -> None:
        recovery = story.under_way()
        if recovery is None or recovery.case != case:
            raise RecoveryError(f"No recovery of the case {case} is under way: begin it with --reference.")
        changed = story.publish(recovery, ceremony, keep=keep, decisions=decisions, clock=signing_time, wait=time.sleep)
        recovery.refresh_from_db()
        self.stdout.write(
            f"{changed} rows were restored. Publication {recovery.publication} is visible, under new keys."
        )
        self.stdout.write(
            "Uploads are taken again. Now restart every worker with the INDEXSITE_ONLINE_KEY that this command had, run"
            " 'manage.py tuf_audit', and tell your users: 'manage.py tuf_recover --bulletin-template'."
        )

    def _replace_root_key(self, ceremony: Path | None, lost: list[str]) -> None:
        if ceremony is None:
            steps = "\n".join(f"  {each}" for each in CASES[ROOT_KEY].ceremony)
            self.stdout.write(f"{CASES[ROOT_KEY].what} Today, in the ceremony's folder, offline:\n{steps}")
            self.stdout.write(f"Then: manage.py tuf_recover {ROOT_KEY} --lost ID --ceremony FOLDER")
            return
        for document in replace_root_key(ceremony, lost, clock=signing_time, wait=time.sleep):
            self.stdout.write(f"published: {document.role} {document.version}, sha256 {document.sha256}")
        self.stdout.write(
            "The lost key is trusted nowhere. Tell your users: 'manage.py tuf_recover --bulletin-template'."
        )

    def _tell_status(self) -> None:
        recovery = story.under_way()
        if recovery is None:
            last = Recovery.objects.exclude(published_at=None).order_by("published_at").last()
            self.stdout.write(f"{_NOTHING} The last one: {last}, publication {last.publication}." if last else _NOTHING)
            return
        self.stdout.write(f"Under way: {CASES[recovery.case].what} Begun {recovery.began_at:%Y-%m-%d %H:%M} UTC.")
        self.stdout.write(f"The copy: {recovery.reference}. The index is read-only, and nothing else is published.")
        if recovery.compared_at is None:
            self.stdout.write(f"Next: manage.py tuf_recover {recovery.case} (compares, and writes the decisions)")
        else:
            self.stdout.write(_next_of(recovery.case, story.folder_of(recovery)))


_NOTHING = "No recovery is under way."


def _said(name: str) -> str:
    return f"{name}: {CASES[name].what}"


def _words(report: Report) -> list[str]:
    good = report.good
    lines = [
        f"The copy is of publication {good['publication']} ({good['at'] or 'of an unknown time'}), with"
        f" {good['targets']} targets under root {good['root']}; its signatures hold."
    ]
    if not good["can_restore"]:
        lines.append("It has hashes only: what the store lost cannot come back from it.")
    lines += [f"Doubt: {each}" for each in report.doubts]
    lines += [f"Document: {each}" for each in report.documents]
    lines += [str(each) for each in report.first]
    if (total := report.counts.total()) > len(report.first):
        lines.append(f"... and {total - len(report.first)} more.")
    counted = ", ".join(f"{count} {kind}" for kind, count in sorted(report.counts.items())) or "nothing differs"
    lines.append(f"Since the copy: {counted}; {report.unexplained} without an entry of the journal.")
    lines += [f"Too large to be kept as evidence: {each}" for each in report.left_out]
    return lines


def _next_of(case: str, folder: Path) -> str:
    steps = CASES[case].ceremony
    ceremony = "\n".join(f"       {each}" for each in steps)
    return f"""\
Next:
  1. Read {folder / "differences.json"}; what a thief left is in {folder / "evidence"}.
  2. Edit {folder / "decisions.txt"}: what no line keeps is restored.
  3. In the ceremony's folder, offline:
{ceremony}
  4. With the new online key in INDEXSITE_ONLINE_KEY: manage.py tuf_recover {case} --ceremony FOLDER"""
