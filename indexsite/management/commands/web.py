"""`manage.py web`: the web process alone."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from indexsite.serving.lifeline import end_with_parent
from indexsite.serving.web import run_web


class Command(BaseCommand):
    """Any number may run beside each other; `serve` starts one."""

    help = "Serve the index. Signing is done by 'manage.py worker'."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument(
            "--supervised", nargs="?", type=int, const=0, metavar="PID", help="end when the parent process is gone"
        )

    def handle(self, *args: object, **options: Any) -> None:  # Any: argparse's values
        if options["supervised"] is not None:
            end_with_parent(options["supervised"])
        run_web(options["host"], options["port"])
