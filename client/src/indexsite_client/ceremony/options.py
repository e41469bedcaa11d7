"""What the commands of the ceremony read from their options: roles, numbers, passphrases."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click

from indexsite_client.errors import UsageError
from indexsite_client.protocol import DEFAULT_BINS, FEWEST_BINS, MOST_BINS, OFFLINE_ROLES, ROOT, BinStyle

_LONGEST = 1024  # characters of a passphrase
Command = Callable[..., Any]  # Any: what click makes of a function and its options

folder_argument = click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
passphrase_option = click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Whose first line is the passphrase (or a token's PIN); it is asked for otherwise.",
)


def plan_options(command: Command) -> Command:
    """The options that change roles, for `init` and `draft`."""
    roles = ", ".join(OFFLINE_ROLES)
    discardable = click.Choice([role for role in OFFLINE_ROLES if role != ROOT])
    for option in (
        click.option("--role", "holders", multiple=True, metavar="ROLE=NAME,NAME", help=f"Who signs; of {roles}."),
        click.option("--threshold", "thresholds", multiple=True, metavar="ROLE=N", help="How many of them must."),
        click.option("--days", multiple=True, metavar="ROLE=N", help="How long a version of it lasts."),
        click.option("--discard", multiple=True, type=discardable, help="Use a key once, in memory, and forget it."),
    ):
        command = option(command)
    return command


def bins_options(command: Command) -> Command:
    """The options that choose the bins, for `init` and `draft`."""
    fewest, most = FEWEST_BINS, MOST_BINS
    styles = click.Choice([style.value for style in BinStyle])
    help_style = "Succinct (TAP 15), or each bin with its path_hash_prefixes; succinct at first."
    command = click.option("--bin-style", type=styles, help=help_style)(command)
    help_bins = f"Hash bins, a power of two from {fewest} to {most}; {DEFAULT_BINS} at first."
    return click.option("--bins", type=int, metavar="N", help=help_bins)(command)


def read_holders(said: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """ROLE=NAME,NAME of each; raises UsageError."""
    return {role: read_names(names) for role, names in map(_split, said)}


def read_names(text: str) -> tuple[str, ...]:
    """NAME,NAME."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def read_numbers(said: Iterable[str]) -> dict[str, int]:
    """ROLE=N of each; raises UsageError."""
    numbers = {}
    for role, text in map(_split, said):
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise UsageError(f"{text[:80]!r} is no number; write {role}=2, for example.")
        numbers[role] = int(text)
    return numbers


def ask_secrets(file: Path | None, *, confirm: bool = False) -> Callable[[str], str]:
    """Reads each secret from the file, or asks for it without showing it, and once only."""
    known: dict[str, str] = {}

    def ask(name: str) -> str:
        if name not in known:
            known[name] = _read_line(file) if file else click.prompt(name, hide_input=True, confirmation_prompt=confirm)
        return known[name]

    return ask


def _read_line(file: Path) -> str:
    try:
        with open(file, encoding="utf-8") as stream:
            line = stream.readline(_LONGEST).rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"The passphrase file {file} cannot be read.") from error
    if not line:
        raise UsageError(f"The passphrase file {file} is empty.")
    return line


def _split(said: str) -> tuple[str, str]:
    role, _, value = said.partition("=")
    if role not in OFFLINE_ROLES or not value:
        raise UsageError(f"{said[:80]!r} is not ROLE=VALUE with one of the roles {', '.join(OFFLINE_ROLES)}.")
    return role, value
