"""`manage.py worker`: signing, publication and the schedule."""

import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from indexsite.serving.lifeline import end_with_parent
from indexsite.serving.worker import run_worker


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
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        if options["supervised"] is not None:
            end_with_parent(options["supervised"])
        run_worker(stop)
