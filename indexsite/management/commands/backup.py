"""`manage.py backup`: everything but keys, into a folder, while the index serves."""

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.utils import timezone

from indexsite.management.commands.prepare import end_connections
from indexsite.operation.backup import take_backup
from indexsite.operation.errors import OperationError
from tufsigning.errors import TrustError


class Command(BaseCommand):
    """May run while the index serves; again into the same folder, it copies only what is new."""

    help = "Back up rows, files and signed documents into a folder. Offline keys are never in a backup."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument(
            "--with-online-key",
            action="store_true",
            help="copy the online key too; whoever has it can sign as the index",
        )

    def handle(self, *args: object, **options: Any) -> None:  # Any: argparse's values
        os.umask(0o077)  # password hashes are in it
        folder = options["folder"].absolute()
        try:
            made = take_backup(folder, now=timezone.now(), with_online_key=options["with_online_key"])
        except (OperationError, TrustError, DatabaseError, OSError) as error:
            raise CommandError(f"{error} The backup was not made.") from error
        finally:
            end_connections()
        self.stdout.write(f"Backed up publication {made.publication} into {folder}.")
        if not options["with_online_key"]:
            self.stdout.write("Keys are not in it; keep a copy of the online key elsewhere (see docs/operation.md).")
