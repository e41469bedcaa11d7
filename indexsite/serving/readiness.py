"""Whether somebody prepared the index that a part runs on: what is missing, in a sentence that says what to do."""

import logging
import threading

from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.executor import MigrationExecutor

from storage.contract import TIMESTAMP, StorageUnavailableError, the_storage
from tufsigning.errors import NotEstablishedError

LOOK_EVERY = 1.0  # seconds
log = logging.getLogger(__name__)


def what_is_missing() -> str:
    """A sentence, empty where web and worker can run."""
    try:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return "The database is not migrated; start 'manage.py serve', or run 'manage.py prepare'."
        return "" if the_storage().exists(TIMESTAMP) else str(NotEstablishedError())
    except (DatabaseError, InterfaceError) as error:
        return f"The database does not answer: {str(error).strip()}"
    except StorageUnavailableError as error:
        return str(error)


def wait_until_prepared(stop: threading.Event) -> None:
    """Until nothing is missing, or until told to stop; what is missing is said once."""
    said = ""
    while missing := what_is_missing():
        if missing != said:
            log.warning("%s The worker waits for it.", missing)
            said = missing
        connection.close()
        if stop.wait(LOOK_EVERY):
            return
