"""A part ends when its parent dies, even by SIGKILL: nothing is left running that nobody supervises."""

import os
import signal
import threading
import time

_LOOK_EVERY = 1.0  # seconds
_GRACE = 10.0


def end_with_parent(parent: int = 0) -> None:
    """From now on, end this process gracefully, then at once, when its parent is gone.

    `parent` is its process id where the caller knows it: the parent may be gone before this is called.
    """
    parent = parent or os.getppid()
    threading.Thread(target=_watch, args=(parent,), name="lifeline", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_EVERY)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE)
    os._exit(1)
