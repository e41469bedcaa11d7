"""Where a process kills or stops itself: a step named by the environment, once."""

import os
import signal
import sys
import threading
from pathlib import Path

_counts: dict[str, int] = {}
_lock = threading.Lock()


def reached(step: str) -> None:
    """End this process by SIGKILL if CRASH_AT names this step, for the first time and in the part CRASH_IN.

    CRASH_BY names another signal, such as SIGSTOP for a process that stalls and may be woken up.

    `CRASH_AT` is a step such as `storage.write:half`, or `database.commit:before#3` for the third time that the
    process gets there. The file CRASH_MARK is made just before, so that a restarted part does not crash again.
    """
    wanted, mark = os.environ.get("CRASH_AT", ""), os.environ.get("CRASH_MARK", "")
    name, _, count = wanted.partition("#")
    if step != name or os.environ.get("CRASH_IN", "") not in sys.argv or Path(mark).exists():
        return
    armed = os.environ.get("CRASH_ARMED")
    if armed and not Path(armed).exists():
        return
    with _lock:
        _counts[step] = _counts.get(step, 0) + 1
        if _counts[step] < int(count or 1):
            return
        Path(mark).touch()
        os.kill(os.getpid(), signal.Signals[os.environ.get("CRASH_BY", "SIGKILL")])
