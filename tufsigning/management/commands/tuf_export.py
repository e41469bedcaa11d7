"""`manage.py tuf_export`: the repository as plain files for any web server."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from storage.contract import StorageUnavailableError
from tufsigning.errors import TrustError
from tufsigning.export.exporting import export
from tufsigning.export.tree import Tree
from tufsigning.library import Library


class Command(BaseCommand):
    """May run while the index serves; again into the same folder, it writes only what changed."""

    help = "Write simple pages, files and signed documents into a folder that a plain web server can serve."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument(
            "--everything", action="store_true", help="look for each file, as after some were removed by hand"
        )

    def handle(self, *args: object, **options: Any) -> None:  # Any: argparse's values
        folder = options["folder"].absolute()
        try:
            done = export(Tree(folder), Library(), everything=options["everything"])
        except (TrustError, StorageUnavailableError, OSError) as error:
            raise CommandError(f"{error} The export was not finished.") from error
        self.stdout.write(f"{folder} shows publication {done.publication}; {done.files} files were written.")
