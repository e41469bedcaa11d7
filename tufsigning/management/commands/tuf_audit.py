"""`manage.py tuf_audit`: everything that is stored against everything that is signed; and a copy made elsewhere."""

import sys
import time
from argparse import ArgumentParser
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection
from django.utils import timezone

from storage.contract import StorageUnavailableError
from tufsigning.audit.audit import audit_index
from tufsigning.audit.comparison import compare_with, log_head
from tufsigning.audit.ledger import Ledger
from tufsigning.audit.reference import Head, write_hashes
from tufsigning.audit.telling import Told
from tufsigning.audit.walk import Walk
from tufsigning.errors import TrustError

_EVERY = 2.0  # seconds between lines of progress


class Command(BaseCommand):
    """Reads only; may run while the index serves."""

    help = (
        "Audit the index: every document, page, file and row against what is signed, and both chains. Each finding has"
        " a code and says what to do; any finding exits with 1."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
        parser.add_argument(
            "--hashes-out", type=Path, metavar="FILE", help="write every hash and both chains' heads, to keep elsewhere"
        )
        parser.add_argument(
            "--against",
            type=Path,
            metavar="COPY",
            help="compare with a mirror, an export or a backup (a folder), or with a file of --hashes-out",
        )

    def handle(self, *args: object, **options: Any) -> None:  # Any: argparse's values
        told = Told(None if options["json"] else self.stdout.write)
        try:
            with Ledger() as ledger:
                walk = Walk(ledger, timezone.now(), _Progress(sys.stderr).note)
                against = options["against"]
                for each in chain(audit_index(walk), compare_with(against, ledger) if against else ()):
                    told.add(each)
                if options["hashes_out"]:
                    _write_hashes(options["hashes_out"], walk)
                self.stdout.write(told.document(walk) if options["json"] else "\n".join(told.summary(walk)))
        except (TrustError, DatabaseError, StorageUnavailableError, OSError) as error:
            raise CommandError(f"The audit could not be finished: {str(error).strip()}") from error
        finally:
            _end_connections()
        if told.codes:
            raise CommandError(f"The audit found {told.codes.total()} faults.")


class _Progress:
    """A line on stderr now and then."""

    def __init__(self, out: TextIO) -> None:
        self._out, self._next = out, time.monotonic() + _EVERY
        self._what, self._done = "", 0

    def note(self, what: str, done: int, total: int) -> None:
        """`done` of `total`; where the total is not known (0), so many more."""
        self._done = done if total else done + (self._done if what == self._what else 0)
        self._what = what
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _EVERY
            self._out.write(f"{what}: {self._done}{f' of {total}' if total else ''}\n")


def _write_hashes(path: Path, walk: Walk) -> None:
    journal = Head(**walk.journal) if walk.journal else None
    with path.open("w", encoding="utf-8") as out:
        write_hashes(out, walk.ledger, log=log_head(), journal=journal)


def _end_connections() -> None:
    """Close the connection, and PostgreSQL's pool behind it with its threads."""
    connection.close()
    if close_pool := getattr(connection, "close_pool", None):
        close_pool()
