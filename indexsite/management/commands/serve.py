"""`manage.py serve`: everything in one command."""

import os
import socket
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, NoReturn

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.utils import timezone

from indexsite.management.commands.prepare import end_connections
from indexsite.pages import trust_summary
from indexsite.serving.alone import alone_on
from indexsite.serving.errors import CannotServeError
from indexsite.serving.handover import Handover
from indexsite.serving.preparation import check_data_folder, first_sign_in, prepare_index
from indexsite.serving.supervisor import say
from indexsite.serving.welcome import welcome
from indexsite_client.protocol import ProtocolError
from storage.contract import StorageUnavailableError
from tufsigning.errors import TrustError


class Command(BaseCommand):
    """Prepares the index, then supervises web and worker until SIGTERM."""

    help = "Serve the index: web and worker, in one command. The first start makes everything."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *args: object, **options: Any) -> None:  # Any: argparse's values
        host, port = options["host"], options["port"]
        try:
            check_data_folder(Path(settings.DATA))
            with alone_on(Path(settings.DATA)) as lock:
                _check_port(host, port)
                for sentence in prepare_index(now=timezone.now()):
                    say("serve", sentence)
                text = welcome(address=_address(host, port), trust=trust_summary(), sign_in=first_sign_in())
                end_connections()
                _supervise(host, port, text, lock=lock)
        except (CannotServeError, TrustError, ProtocolError, DatabaseError, StorageUnavailableError) as error:
            raise CommandError(str(error).strip()) from error


def _check_port(host: str, port: int) -> None:
    """Try the port by a plain bind: granian would silently share a taken one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise CannotServeError(
                f"Port {port} of {host} cannot be had ({reason}); choose another with --port."
            ) from error


def _supervise(host: str, port: int, text: str, *, lock: int) -> NoReturn:
    if not settings.BASE_URL and _reachable(host) not in {"127.0.0.1", "localhost", "[::1]"}:
        say("serve", "set INDEXSITE_BASE_URL to the address that people use: the pages answer to no other name.")
    parts = {"web": ["web", "--host", host, "--port", str(port)], "worker": ["worker"]}
    ready = f"{settings.PATH_PREFIX}/health/ready"
    handover = Handover(parts, host=_reachable(host).strip("[]"), port=port, ready=ready, welcome=text)
    handover.take_over(lock=lock, environment={**os.environ, **settings.ENVIRONMENT.secrets_for_parts()})


def _address(host: str, port: int) -> str:
    return settings.BASE_URL or f"http://{_reachable(host)}:{port}"


def _reachable(host: str) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # compared, not bound
    return f"[{host}]" if ":" in host else host
