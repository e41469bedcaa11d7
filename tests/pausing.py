"""A storage that waits between two reads or writes, so that a test can do something in between."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from storage.contract import TIMESTAMP, Source
from storage.filesystem import DurableFileSystemStorage

_LONGEST = 60.0  # seconds


class PausingStorage(DurableFileSystemStorage):
    """Makes the file PAUSED and waits until somebody removes it: at the PAUSE_AT-th opening of the timestamp, or after
    the file PAUSE_AFTER was written.
    """

    _opened = 0

    def open(self, name: str, mode: str = "rb") -> Any:  # Any: Django's File
        """Open, after the pause if it is the time for it."""
        if name == TIMESTAMP:
            self._opened += 1
            if self._opened == int(os.environ.get("PAUSE_AT", "0")):
                self._pause(Path(os.environ["PAUSED"]))
        return super().open(name, mode)

    def write(self, files: Mapping[str, Source]) -> None:
        """Write, and pause after if it is the time for it."""
        super().write(files)
        if os.environ.get("PAUSE_AFTER") in files:
            self._pause(Path(os.environ["PAUSED"]))

    def _pause(self, mark: Path) -> None:
        mark.touch()
        deadline = time.monotonic() + _LONGEST
        while mark.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
