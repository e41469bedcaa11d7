"""The worker process: Dramatiq's threads and the schedule's loop."""

import logging
import threading

import dramatiq
from django.db import InterfaceError, OperationalError
from dramatiq import Worker

from indexsite.memory import share_arenas
from indexsite.schedule import run_schedule
from indexsite.serving.readiness import LOOK_EVERY, wait_until_prepared
from storage.contract import StorageUnavailableError
from tufsigning import tasks  # noqa: F401  # declares the actors
from tufsigning.clock import signing_time
from tufsigning.library import Library
from tufsigning.restoration import restore_from_published

log = logging.getLogger(__name__)
THREADS = 2
GRACE = 12_000  # milliseconds for the work in hand; what is not finished is safely left


def run_worker(stop: threading.Event) -> None:
    """Work until told to stop, then finish what is in hand."""
    share_arenas()
    while not stop.is_set():
        wait_until_prepared(stop)
        try:
            if not stop.is_set():  # a restored database must not take files off their pages
                restore_from_published(Library(), now=signing_time())
            break
        except (StorageUnavailableError, OperationalError, InterfaceError) as error:
            log.error("The worker cannot begin yet: %s", str(error).strip())
            stop.wait(LOOK_EVERY)
    broker = dramatiq.get_broker()
    broker.emit_after("process_boot")  # else time limits never fire
    worker = Worker(broker, worker_timeout=100, worker_threads=THREADS)
    worker.start()
    try:
        run_schedule(stop)
    finally:
        worker.stop(timeout=GRACE)
