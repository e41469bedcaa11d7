"""A storage that waits between two reads, so that a test can do something in between."""

import os
import time
from pathlib import Path
from typing import Any

from storage.contract import TIMESTAMP
from storage.filesystem import DurableFileSystemStorage

_LONGEST = 60.0  # seconds


class PausingStorage(DurableFileSystemStorage):
    """At the PAUSE_AT-th opening of the timestamp, makes the file PAUSED and waits until somebody removes it."""

    _opened = 0

    def open(self, name: str, mode: str = "rb") -> Any:  # Any: Django's File
        """Open, after the pause if it is the time for it."""
        if name == TIMESTAMP:
            self._opened += 1
            if self._opened == int(os.environ["PAUSE_AT"]):
                self._pause(Path(os.environ["PAUSED"]))
        return super().open(name, mode)

    def _pause(self, mark: Path) -> None:
        mark.touch()
        deadline = time.monotonic() + _LONGEST
        while mark.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
