"""What every command of the ceremony does: it holds the folder, says lines, and says what is next."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from indexsite_client.ceremony.folder import Folder


@contextmanager
def changing(path: Path) -> Iterator["Folder"]:
    """The folder, held against other commands that change it."""
    from indexsite_client.ceremony.folder import Folder
    from indexsite_client.trusted import locked

    with locked(path):
        yield Folder(path)


def say(lines: list[str]) -> None:
    """Line by line."""
    for line in lines:
        click.echo(line)


def say_next(folder: Path) -> None:
    """What somebody has to do now, as a command on this folder."""
    from indexsite_client.ceremony.folder import Folder
    from indexsite_client.ceremony.telling import what_next

    for line in what_next(Folder(folder).load(), now=datetime.now(UTC)):
        click.echo(f"Next: {line.replace('FOLDER', str(folder))}")
