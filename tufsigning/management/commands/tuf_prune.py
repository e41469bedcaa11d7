"""`manage.py tuf_prune`: remove documents, pages and blobs that nothing needs any more."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from storage.contract import StorageUnavailableError
from tufsigning.clock import signing_time
from tufsigning.errors import TrustError
from tufsigning.library import Library
from tufsigning.pruning import prune


class Command(BaseCommand):
    """May run while the index serves, and again after it was interrupted."""

    help = "Remove what no publication of the grace time reaches and no file needs. Never a root."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say what would be removed")
        parser.add_argument(
            "--grace", type=int, metavar="DAYS", default=settings.PRUNE_GRACE_DAYS, help="default: %(default)s"
        )

    def handle(self, *args: object, **options: Any) -> None:  # Any: argparse's values
        dry_run, grace = options["dry_run"], timedelta(days=options["grace"])
        try:
            pruned = prune(Library(), signing_time, grace=grace, dry_run=dry_run)
        except (TrustError, StorageUnavailableError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{'Would remove' if dry_run else 'Removed'} {pruned}.")
