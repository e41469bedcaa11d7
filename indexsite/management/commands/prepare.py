"""`manage.py prepare`: what `serve` does before it starts its parts, for parts that are started apart."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection
from django.utils import timezone

from indexsite.serving.errors import CannotServeError
from indexsite.serving.preparation import first_sign_in, prepare_index
from indexsite_client.protocol import ProtocolError
from storage.contract import StorageUnavailableError
from tufsigning.errors import TrustError


class Command(BaseCommand):
    """Once for each release, before its parts start; any number of machines may run it, one at a time does it."""

    help = "Migrate the database, and where the index is new make keys, signed metadata and the first user."
    requires_system_checks = []

    def handle(self, *args: object, **options: Any) -> None:  # Any: argparse's values
        try:
            for sentence in prepare_index(now=timezone.now()):
                self.stdout.write(sentence)
        except (CannotServeError, TrustError, ProtocolError, DatabaseError, StorageUnavailableError) as error:
            raise CommandError(str(error).strip()) from error
        finally:
            end_connections()
        if first_sign_in().exists():
            self.stdout.write(f"The first sign-in is in {first_sign_in()}.")
        self.stdout.write("The index is prepared; start 'manage.py web' and 'manage.py worker'.")


def end_connections() -> None:
    """Close the connection, and PostgreSQL's pool behind it with its threads."""
    connection.close()
    if close_pool := getattr(connection, "close_pool", None):
        close_pool()
