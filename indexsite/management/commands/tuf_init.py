"""`manage.py tuf_init`: the index takes over the documents of a real ceremony."""

import hashlib
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.utils import timezone

from indexsite.management.commands.prepare import end_connections
from indexsite.serving.alone import alone_on
from indexsite.serving.errors import CannotServeError
from indexsite.serving.preparation import check_data_folder, first_sign_in, prepare_index
from indexsite_client.protocol import ProtocolError
from storage.contract import StorageUnavailableError
from tufsigning.ceremony_folder import is_in_force, read_ceremony
from tufsigning.clock import signing_time
from tufsigning.core.publication import Current
from tufsigning.errors import NotEstablishedError, TrustError
from tufsigning.importing import check_import, import_documents
from tufsigning.keys import development_key_files
from tufsigning.library import Library

_FAULTS = (CannotServeError, TrustError, ProtocolError, DatabaseError, StorageUnavailableError)


class Command(BaseCommand):
    """For a new index instead of its first start; for one with a development ceremony whenever it is time.

    Interrupted, it is simply run again; a worker or the next start finishes it, too.
    """

    help = (
        "Take over the finished folder of 'indexsite ceremony': its root begins the chain that clients pin. Run it with"
        " the worker's environment, for it signs with the online key that the ceremony names."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument(
            "--delete-development-keys",
            action="store_true",
            help="delete the keys of a development ceremony from the data folder afterwards; nothing trusts them then",
        )

    def handle(self, *args: object, **options: Any) -> None:  # Any: argparse's values
        try:
            current = _current()
            if current is None:
                self._begin(options["folder"])
            else:
                self._move(options["folder"], current)
        except _FAULTS as error:
            raise CommandError(str(error).strip()) from error
        finally:
            end_connections()
        self._tell_of_keys(delete=options["delete_development_keys"])

    def _begin(self, folder: Path) -> None:
        """An index that is new is prepared with these documents."""
        ceremony = read_ceremony(folder, current=None)
        check_data_folder(Path(settings.DATA))
        with alone_on(Path(settings.DATA)):
            for sentence in prepare_index(now=timezone.now(), ceremony=ceremony):
                self.stdout.write(sentence)
        if first_sign_in().exists():
            self.stdout.write(f"The first sign-in is in {first_sign_in()}.")
        self._tell_of_root(ceremony.roots[-1].content)

    def _move(self, folder: Path, current: Current) -> None:
        """One that serves already gets a root that no client of the root before it follows."""
        if is_in_force(folder, current):
            self.stdout.write("This ceremony is in force already.")
            return
        ceremony = read_ceremony(folder, current=current)
        check_import(ceremony, current=current, begins_chain=True, now=signing_time())
        import_documents(ceremony, begins_chain=True, clock=signing_time, wait=time.sleep)
        self._tell_of_root(ceremony.roots[-1].content)
        self.stdout.write(
            "Clients of the development root refuse it: tell their users the new fingerprint, with which they run"
            " 'indexsite trust URL --fingerprint SHA256 --replace'. Restart every worker with the INDEXSITE_ONLINE_KEY"
            " that this command had."
        )

    def _tell_of_root(self, root: bytes) -> None:
        self.stdout.write(f"The index now has a real root, sha256 {hashlib.sha256(root).hexdigest()}.")

    def _tell_of_keys(self, *, delete: bool) -> None:
        useless = development_key_files()
        for path in useless if delete else []:
            path.unlink()
        if useless:
            what = f"{len(useless)} keys of the development ceremony in {useless[0].parent.parent}"
            said = f"Deleted {what}." if delete else f"Nothing trusts the {what} any more: --delete-development-keys."
            self.stdout.write(said)


def _current() -> Current | None:
    try:
        return Library().current()
    except NotEstablishedError:
        return None
