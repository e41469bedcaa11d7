"""`manage.py journal_verify`: whether the journal's entries are those that were written, and all of them."""

from itertools import islice

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from indexsite.management.commands.prepare import end_connections
from packages import sealing
from packages.chain import JournalHead
from storage.contract import StorageUnavailableError
from tufsigning.errors import NotEstablishedError, TrustError
from tufsigning.library import Library

_SHOWN = 100


class Command(BaseCommand):
    """Reads only; may run while the index serves."""

    help = (
        "Verify the journal's hash chain against its entries and the signed snapshot. Names each entry that was"
        " changed or is missing, and then exits with 1. Changes nothing."
    )
    requires_system_checks = []

    def handle(self, *args: object, **options: object) -> None:
        try:
            signed = _signed_head()  # first: what is sealed later can only be more
            self._verify(signed)
        except (TrustError, DatabaseError, StorageUnavailableError) as error:
            raise CommandError(f"The journal cannot be verified: {error}") from error
        finally:
            end_connections()

    def _verify(self, signed: JournalHead | None) -> None:
        faults = list(islice(sealing.find_faults(signed=signed), _SHOWN))
        for fault in faults:
            self.stderr.write(fault)
        if faults:
            count = f"{len(faults)} or more" if len(faults) == _SHOWN else len(faults)
            raise CommandError(f"The journal is not what was written ({count} faults); find out who could change it.")
        head, waiting = sealing.head_of_chain(), sealing.count_unsealed()
        self.stdout.write(f"The journal is whole: {head.entries} entries, the last one {head.sha256}.")
        self.stdout.write(
            f"The signed snapshot names entry {signed.entries}."
            if signed is not None
            else "No signed snapshot names an entry yet."
        )
        if waiting:
            self.stdout.write(f"{waiting} entries wait to be sealed, which a worker does within a minute.")


def _signed_head() -> JournalHead | None:
    try:
        said = Library().current().journal
    except NotEstablishedError:
        return None
    return JournalHead(**said) if said else None
