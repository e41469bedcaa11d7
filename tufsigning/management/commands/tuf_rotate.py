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
from tufsigning.core.offline import Ground, OfflineDocuments, check_documents
from tufsigning.errors import TrustError
from tufsigning.guiding import FOLDER, Standing, steps
from tufsigning.importing import check_import, finish_waiting, import_documents
from tufsigning.library import Library
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
        if options["compromised"] and not options["folder"]:
            raise CommandError(f"Give the {FOLDER} of a ceremony that replaces the online key.")
        try:
            if not options["check"]:
                finish_waiting(clock=signing_time, wait=time.sleep)  # first: what was begun and killed
            new = _read_checked(options["folder"]) if options["folder"] else None
            if options["check"]:
                if new:
                    self._say("These can be taken", new)
            elif new:
                self._take(new, compromised=options["compromised"])
                self._say("Published", new)
            elif not options["compromised"]:
                self._go_on(cancel=options["cancel"])
        except (TrustError, DatabaseError, StorageUnavailableError) as error:
            raise CommandError(str(error).strip()) from error
        for sentence in steps(Standing.now(Library())):
            self.stdout.write(sentence)

    def _take(self, new: OfflineDocuments, *, compromised: bool) -> None:
        """Publish documents that were checked, each kind of replacement in its own way."""
        current = Library().current()
        if compromised:
            replace_at_once(new, current=current, clock=signing_time, wait=time.sleep)
        elif replaces_online_key(new, current=current):
            rotation = begin(new, current=current, now=signing_time())
            self._replacement.sign_with_both(rotation)
            self._replacement.name_new_key(new, rotation)
        else:
            check_import(new, current=current, begins_chain=False, now=signing_time())
            import_documents(new, begins_chain=False, clock=signing_time, wait=time.sleep)

    def _go_on(self, *, cancel: bool) -> None:
        """Do our part of what comes next without new documents."""
        standing = Standing.now(Library())
        if cancel:
            standing.check_may_cancel()
            self._replacement.drop_old()
        elif standing.rotation and not standing.names_new:
            self._replacement.sign_with_both(standing.rotation)
        elif standing.may_drop_old:
            self._replacement.drop_old()

    @property
    def _replacement(self) -> Replacement:
        return Replacement(signing_time, time.sleep, self._count)

    def _say(self, what: str, new: OfflineDocuments) -> None:
        self.stdout.write(f"{what}: {', '.join(f'{each.role} {each.version}' for each in new.all())}.")

    def _count(self, left: int) -> None:
        self.stdout.write(f"Signed anew; {left} documents are left.")


def _read_checked(folder: Path) -> OfflineDocuments | None:
    """What is newer in the folder, if clients would follow to it; None where nothing is. Raises TrustError."""
    current = Library().current()
    new = read_newer(folder, current)
    if not new.all():
        return None
    check_documents(new, ground=Ground.of(current), begins_chain=False, now=signing_time())
    return new
