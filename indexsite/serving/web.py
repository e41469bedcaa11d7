"""The web process: granian with the WSGI application, one process and many blocking threads."""

import os

from django.conf import settings
from django.utils import timezone
from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels

from indexsite.memory import share_arenas
from indexsite.serving.lifeline import end_with_parent

BLOCKING_THREADS = 96  # 32 uploads, 8 drained bodies and 40 streams may be slow at once; the rest always answers
_KILL_AFTER = 8  # seconds for answers that are being sent


_first = 0  # the process id of granian's first process, which forks the other


def run_web(host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    global _first  # noqa: PLW0603  # granian hands nothing else to its second process
    _first = os.getpid()
    Granian(
        "indexsite.serving.web:load_application",
        factory=True,
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        websockets=False,
        workers=1,
        blocking_threads=BLOCKING_THREADS,
        log_level=LogLevels.error,
        url_path_prefix=settings.PATH_PREFIX or None,
        workers_kill_timeout=_KILL_AFTER,
        process_name=None,
    ).serve()


def load_application() -> object:
    """The application, in granian's own process for it, which must not outlive granian's first."""
    end_with_parent(_first)
    share_arenas()
    from indexsite.schedule import prune_incoming  # noqa: PLC0415  # as below

    prune_incoming(timezone.now())  # what was half received here when this machine's last process was killed
    from indexsite.application import application  # noqa: PLC0415  # opens the database: after the fork only

    return application
