"""`manage.py worker`: signing, publication and the schedule."""

import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from indexsite.serving.lifeline import end_with_parent
from indexsite.serving.worker import run_worker

_STOPPING = (signal.SIGTERM, signal.SIGINT)


class Command(BaseCommand):
    """Any number may run beside each other; `serve` starts one."""

    help = "Sign and publish what was uploaded, and renew what nears its expiry."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--supervised", nargs="?", type=int, const=0, metavar="PID", help="end when the parent process is gone"
        )

    def handle(self, *args: object, **options: Any) -> None:  # Any: argparse's values
        stop = threading.Event()
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)  # a handler could interrupt whoever holds the event's lock
        threading.Thread(target=_await_signal, args=(stop,), name="signals", daemon=True).start()
        if options["supervised"] is not None:
            end_with_parent(options["supervised"])
        run_worker(stop)


def _await_signal(stop: threading.Event) -> None:
    signal.sigwait(_STOPPING)
    stop.set()
