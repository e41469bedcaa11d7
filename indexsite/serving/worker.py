"""The worker process: Dramatiq's threads and the schedule's loop."""

import threading

import dramatiq
from dramatiq import Worker

from indexsite.schedule import run_schedule
from tufsigning import tasks  # noqa: F401  # declares the actors

THREADS = 2
GRACE = 12_000  # milliseconds for the work in hand; what is not finished is safely left


def run_worker(stop: threading.Event) -> None:
    """Work until told to stop, then finish what is in hand."""
    broker = dramatiq.get_broker()
    broker.emit_after("process_boot")  # else time limits never fire
    worker = Worker(broker, worker_timeout=100, worker_threads=THREADS)
    worker.start()
    try:
        run_schedule(stop)
    finally:
        worker.stop(timeout=GRACE)
