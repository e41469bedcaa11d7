"""A filter of the log: what a worker would say at each poll is said once a minute."""

import logging
import threading
import time

_SAID_AGAIN = 60.0  # seconds


class SaidSeldom(logging.Filter):
    """Lets a line through once a minute: workers say at each try that their broker is away."""

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[str, float] = {}
        self._lock = threading.Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this one is said."""
        if not (record.name.startswith("dramatiq.worker.ConsumerThread") and record.levelno >= logging.INFO):
            return True
        now = time.monotonic()
        with self._lock:
            if now - self._last.get(record.msg, -_SAID_AGAIN) < _SAID_AGAIN:
                return False
            self._last[record.msg] = now
        return True
