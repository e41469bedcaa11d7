"""One `serve`, or one `restore`, at a time on a data folder."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from indexsite.serving.errors import CannotServeError


@contextmanager
def alone_on(folder: Path) -> Iterator[int]:
    """Hold the data folder by a lock, and give its file descriptor; raises CannotServeError where another holds it."""
    with open(folder / "serve.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CannotServeError(
                f"Another 'manage.py serve' runs on the data folder {folder}; stop it, or set INDEXSITE_DATA."
            ) from error
        yield lock.fileno()
