"""`manage.py tuf_export`: the repository as plain files for any web server."""

import os
from argparse import ArgumentParser
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from storage.contract import StorageUnavailableError
from tufsigning.ceremony_folder import write_ceremony
from tufsigning.clock import signing_time
from tufsigning.errors import TrustError
from tufsigning.export.exporting import export
from tufsigning.export.removing import remove_unreached
from tufsigning.export.tree import Tree
from tufsigning.library import Library
from tufsigning.pruning import MARGIN, reach_since


class Command(BaseCommand):
    """May run while the index serves; again into the same folder, it writes only what changed."""

    help = "Write simple pages, files and signed documents into a folder that a plain web server can serve."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, nargs="?")
        parser.add_argument(
            "--ceremony",
            type=Path,
            metavar="FOLDER",
            help="write only the newest root, targets, claimed and unclaimed, for 'indexsite ceremony' to go on from",
        )
        parser.add_argument(
            "--everything", action="store_true", help="look for each file, as after some were removed by hand"
        )

        parser.add_argument(
            "--delete",
            action="store_true",
            help="remove what no publication reaches since INDEXSITE_PRUNE_GRACE_DAYS; without it, nothing is removed",
        )

    def handle(self, *args: object, **options: Any) -> None:  # Any: argparse's values
        os.umask(0o022)  # the web server's user reads it
        if (options["folder"] is None) == (options["ceremony"] is None):
            raise CommandError("Give a folder for the repository, or --ceremony FOLDER.")
        if options["ceremony"] is not None:
            self._write_ceremony(options["ceremony"])
            return
        folder, library = options["folder"].absolute(), Library()
        try:
            done = export(Tree(folder), library, everything=options["everything"])
            removed = _remove(Tree(folder), library) if options["delete"] else 0
        except (TrustError, StorageUnavailableError, OSError) as error:
            raise CommandError(f"{error} The export was not finished.") from error
        self.stdout.write(f"{folder} shows publication {done.publication}; {done.files} files were written.")
        if options["delete"]:
            self.stdout.write(f"{removed} files that nothing needs any more were removed.")

    def _write_ceremony(self, folder: Path) -> None:
        try:
            for path in write_ceremony(folder, Library().current()):
                self.stdout.write(str(path))
        except (TrustError, StorageUnavailableError) as error:
            raise CommandError(str(error)) from error


def _remove(tree: Tree, library: Library) -> int:
    moment = signing_time() - timedelta(days=settings.PRUNE_GRACE_DAYS)
    with tree.locked():
        reach = reach_since(moment, library, library.current())
        return remove_unreached(tree, reach, until=moment - MARGIN) if reach else 0
