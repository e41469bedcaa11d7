"""`manage.py tuf_rotate`: replace keys on a running index: says where that stands, what is next, and does our part."""

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from storage.contract import StorageUnavailableError
from tufsigning.ceremony_folder import read_newer
from tufsigning.clock import signing_time
from tufsigning.core.offline import OfflineDocuments
from tufsigning.errors import TrustError
from tufsigning.guiding import FOLDER, Standing, steps
from tufsigning.importing import check_import, finish_import, import_documents
from tufsigning.library import Library
from tufsigning.publisher import Publisher
from tufsigning.replacing import Replacement, begin, replace_at_once, replaces_online_key


class Command(BaseCommand):
    """May run while the index serves, in the environment of its worker: it signs with the online keys."""

    help = (
        "Replace the online key without a moment in which clients fail, or take what the holders of offline keys have"
        " signed. Without FOLDER, go on with what was begun. Interrupted, it is simply run again."
    )

    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", nargs="?", type=Path, metavar="FOLDER", help="of the finished ceremony")
        parser.add_argument("--check", action="store_true", help="say where it stands and what is next; change nothing")
        parser.add_argument(
            "--compromised",
            action="store_true",
            help="the old online key is lost, or somebody else may have it: it signs nothing any more",
        )
        parser.add_argument("--cancel", action="store_true", help="keep the old key, as long as root names it")

    def handle(self, *args: object, **options: Any) -> None:  # Any: argparse's values
        try:
            folder = options["folder"]
            if not options["check"]:
                finish_import(Publisher(Library()), signing_time)  # first: what was begun and killed
            new = read_newer(folder, Library().current()) if folder else None
            if options["compromised"] and not (new and new.all()):
                raise CommandError(
                    f"Give the {FOLDER} of a ceremony that replaces the online key, with newer documents."
                )
            if not options["check"]:
                self._act(new, compromised=options["compromised"], cancel=options["cancel"])
            elif new and new.all():
                check_import(new, current=Library().current(), begins_chain=False, now=signing_time())
                self._say("These documents can be taken", new)
        except (TrustError, DatabaseError, StorageUnavailableError) as error:
            raise CommandError(str(error).strip()) from error
        for sentence in steps(Standing.now(Library())):
            self.stdout.write(sentence)

    def _act(self, new: OfflineDocuments | None, *, compromised: bool, cancel: bool) -> None:
        current = Library().current()
        if compromised and new:
            replace_at_once(new, current=current, clock=signing_time, wait=time.sleep)
            self._say("Published", new)
            return
        replacement, standing = Replacement(signing_time, time.sleep, self._count), Standing.now(Library())
        if cancel:
            standing.check_may_cancel()
            replacement.drop_old()
        elif new and new.all() and replaces_online_key(new, current=current):
            rotation = begin(new, current=current, now=signing_time())
            replacement.sign_with_both(rotation)
            replacement.name_new_key(new, rotation)
            self._say("Published", new)
        elif new and new.all():
            check_import(new, current=current, begins_chain=False, now=signing_time())
            import_documents(new, begins_chain=False, clock=signing_time, wait=time.sleep)
            self._say("Published", new)
        elif standing.rotation and not standing.names_new:
            replacement.sign_with_both(standing.rotation)
        elif standing.may_drop_old:
            replacement.drop_old()

    def _say(self, what: str, new: OfflineDocuments) -> None:
        self.stdout.write(f"{what}: {', '.join(f'{each.role} {each.version}' for each in new.all())}.")

    def _count(self, left: int) -> None:
        self.stdout.write(f"Signed anew; {left} documents are left.")
