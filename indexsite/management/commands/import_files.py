"""`manage.py import_files`: a folder of distributions, as pypiserver or a devpi export keeps them, into this index."""

import json
import signal
import sys
import time
from argparse import ArgumentParser
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, TextIO

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.utils import timezone

from accounts.callers import Caller, signed_in_caller
from accounts.models import User
from indexsite.management.commands.prepare import end_connections
from packages.errors import IndexReadOnlyError
from packages.moving.devpi import is_devpi_export, read_devpi_export
from packages.moving.errors import CannotImportError
from packages.moving.importing import import_tree
from packages.moving.progress import Progress
from packages.moving.report import Report, printable
from packages.moving.trees import Tree, read_folder
from packages.uploads import check_writable
from storage.contract import StorageUnavailableError

_AGAIN = "What was imported stays; run the same command again, and it goes on from there."


class Command(BaseCommand):
    """May run while the index serves. Killed in the middle, it is simply run again."""

    help = (
        "Import a folder of wheels and sdists: a tree as pypiserver serves it, or what devpi-export wrote. Upload times"
        " are kept. A file that is here already is passed over; nothing that is here is changed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--owner", default="admin", help="user who owns the projects that are new; default: admin")
        parser.add_argument(
            "--index", action="append", default=[], help="of a devpi export, user/name; repeatable; default: no mirrors"
        )
        parser.add_argument("--dry-run", action="store_true", help="check everything, import nothing")
        parser.add_argument("--report", type=Path, metavar="FILE", help="write a report as JSON")

    def handle(self, *args: object, **options: Any) -> None:  # Any: argparse's values
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            owner, tree = _owner(options["owner"]), _read_tree(options["folder"], options["index"])
            report = Report(tree, is_dry_run=options["dry_run"])
            with _opened(options["report"]) as out:
                self._import(report, owner, out)
        except (CannotImportError, IndexReadOnlyError) as error:
            raise CommandError(printable(str(error))) from error
        except (DatabaseError, StorageUnavailableError) as error:
            raise CommandError(f"{error} {_AGAIN}") from error
        finally:
            end_connections()
        if report.refused:
            raise CommandError(f"{len(report.refused)} files were refused; docs/uploads.md says why.")

    def _import(self, report: Report, owner: Caller, out: TextIO | None) -> None:
        """Import, and say what became of it, even if somebody interrupts."""
        tree = report.tree
        progress = Progress(sys.stderr, total=len(tree.files), now=time.monotonic())
        try:
            for outcome in import_tree(tree, owner=owner, clock=timezone.now, dry_run=report.is_dry_run):
                report.add(outcome)
                progress.advance(now=time.monotonic())
        except KeyboardInterrupt as interrupt:
            raise CannotImportError(f"Interrupted. {_AGAIN}") from interrupt
        finally:
            progress.end()
            for line in report.lines():
                self.stdout.write(line)
            if out:
                out.write(json.dumps(report.document(), indent=2, ensure_ascii=False) + "\n")


def _opened(path: Path | None) -> AbstractContextManager[TextIO | None]:
    """The file for the report, before anything is imported."""
    try:
        return path.open("w", encoding="utf-8") if path else nullcontext()
    except OSError as error:
        raise CannotImportError(f"The report cannot be written to {path} ({error.strerror}); name another.") from error


def _owner(name: str) -> Caller:
    try:
        check_writable(settings.UPLOAD_POLICY)
        user = User.objects.filter(username=name, is_active=True).first()
    except DatabaseError as error:
        sentence = "The index is not set up yet; start 'manage.py serve', or run 'manage.py prepare' once."
        raise CannotImportError(sentence) from error
    if user is None:
        raise CannotImportError(f"There is no active user {name!r}; name one with --owner.")
    return signed_in_caller(user)


def _read_tree(folder: Path, indexes: list[str]) -> Tree:
    top = folder.resolve()
    if not top.is_dir():
        raise CannotImportError(f"{folder} is no folder.")
    if is_devpi_export(top):
        return read_devpi_export(top, indexes=indexes, now=timezone.now())
    if indexes:
        raise CannotImportError(f"{folder} is no devpi export (it has no dataindex.json), so --index means nothing.")
    return read_folder(top, now=timezone.now())
