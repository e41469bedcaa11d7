"""`manage.py tuf_import`: later versions of the roles that offline keys sign."""

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from storage.contract import StorageUnavailableError
from tufsigning.ceremony_folder import read_document_file
from tufsigning.clock import signing_time
from tufsigning.core.offline import read_documents
from tufsigning.errors import TrustError
from tufsigning.importing import check_import, import_documents, split_known
from tufsigning.library import Library


class Command(BaseCommand):
    """May run while the index serves, in the environment of its worker: it signs with the online key."""

    help = (
        "Check new versions of root, targets, claimed or unclaimed as clients would, and publish them with everything"
        " that depends on them. What is refused changes nothing."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="signed documents that belong together")
        parser.add_argument("--check", action="store_true", help="check them only; nothing is changed")

    def handle(self, *args: object, **options: Any) -> None:  # Any: argparse's values
        try:
            current = Library().current()
            given = read_documents([read_document_file(path) for path in options["files"]])
            documents, known = split_known(given, current=current)
            for document in known:
                self.stdout.write(f"in force already: {document.role} {document.version}, sha256 {document.sha256}")
            if known and not documents.all():
                return
            check_import(documents, current=current, begins_chain=False, now=signing_time())
            if not options["check"]:
                import_documents(documents, begins_chain=False, clock=signing_time, wait=time.sleep)
        except (TrustError, DatabaseError, StorageUnavailableError) as error:
            raise CommandError(str(error).strip()) from error
        said = "would be taken" if options["check"] else "published"
        for document in documents.all():
            self.stdout.write(f"{said}: {document.role} {document.version}, sha256 {document.sha256}")
