"""How far a long run is: a bar on a terminal, nothing elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import click

Advance = Callable[[int], None]
Progress = Callable[[str, int], AbstractContextManager[Advance]]  # of what, and how much of it there is


@contextmanager
def show_progress(what: str, total: int) -> Iterator[Advance]:
    """While inside, what is advanced by shows on stderr."""
    if not sys.stderr.isatty():
        yield lambda _amount: None
        return
    with click.progressbar(length=total, label=f"{what:>6}", file=sys.stderr) as bar:
        yield bar.update
