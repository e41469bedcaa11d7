"""`manage.py restore`: an index from a backup, verified before anything is changed."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.utils import timezone

from indexsite.management.commands.prepare import end_connections
from indexsite.operation.errors import OperationError
from indexsite.operation.restore import missing_keys, restore_backup
from indexsite.serving.alone import alone_on
from indexsite.serving.errors import CannotServeError
from tufsigning.errors import TrustError


class Command(BaseCommand):
    """Nothing of the index may run meanwhile. Killed in the middle, it is simply run again."""

    help = "Restore a backup into this index's database, store and data folder. Stop every part of the index first."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument(
            "--replace",
            action="store_true",
            help="put the backup in the place of the index that is here; its rows are lost",
        )

    def handle(self, *args: object, **options: Any) -> None:  # Any: argparse's values
        data = Path(settings.DATA)
        try:
            data.mkdir(parents=True, exist_ok=True, mode=0o700)
            with alone_on(data):
                restore_backup(
                    options["folder"].absolute(), now=timezone.now(), replace=options["replace"], say=self.stdout.write
                )
        except (OperationError, CannotServeError, TrustError, DatabaseError, OSError) as error:
            raise CommandError(str(error)) from error
        finally:
            end_connections()
        for sentence in missing_keys():
            self.stdout.write(sentence)
        self.stdout.write("Start 'manage.py serve': it signs every role anew before it is ready.")
