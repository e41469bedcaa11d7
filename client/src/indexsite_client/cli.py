"""The command line `indexsite`: parse, one call, one sentence; each command imports what it needs when it runs."""

import os
import sys
from pathlib import Path

import click

from indexsite_client.ceremony.commands import ceremony
from indexsite_client.credentials import split_index_url, token_from_environment
from indexsite_client.errors import ClientError, UsageError
from indexsite_client.mirror.command import mirror
from indexsite_client.verification.command import verify


def _say(sentence: str) -> None:
    click.echo(f"indexsite: {sentence}", err=True)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="indexsite-client", prog_name="indexsite")
def commands() -> None:
    """Verified installs from an Indexsite package index."""


@commands.command()
@click.argument("url")
@click.option("--fingerprint", metavar="SHA256", help="sha256 of the newest root, from a source other than the index.")
@click.option("--root", type=click.Path(path_type=Path), metavar="FILE", help="A root file that you already trust.")
@click.option("--development", is_flag=True, help="Accept the root of a development ceremony.")
@click.option("--replace", is_flag=True, help="Forget the root that is pinned for this URL now.")
def trust(url: str, *, fingerprint: str | None, root: Path | None, development: bool, replace: bool) -> None:
    """Pin the root of the index at URL.

    Write credentials of a private index as https://__token__:TOKEN@host/; the token is kept in a file that only you can
    read. Or set INDEXSITE_TOKEN.
    """
    from indexsite_client.pinning import Pin, normalize_fingerprint, pin_index, read_root_file

    if (fingerprint is None) == (root is None):
        raise UsageError("Give either --fingerprint SHA256 or --root FILE.")
    address, token = split_index_url(url)
    pin = Pin(
        url=address,
        fingerprint=normalize_fingerprint(fingerprint) if fingerprint is not None else "",
        root=read_root_file(root) if root else b"",
        development=development,
        replace=replace,
    )
    index = pin_index(pin, token=token, environment_token=token_from_environment(os.environ))
    kind = "development root" if index.development else "root"
    click.echo(f"Trusted: {index.url} (index {index.index_id}, {kind}).")


@commands.command(context_settings={"ignore_unknown_options": False, "allow_interspersed_args": False})
@click.option("--index", "url", metavar="URL", help="Which of several trusted indexes to use.")
@click.option("--unsafely-disable-package-verification", "unsafe", is_flag=True, help="Install without verification.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run(command: tuple[str, ...], *, url: str | None, unsafe: bool) -> None:
    """Run an installer so that it gets nothing but verified packages: indexsite run -- pip install NAME."""
    from indexsite_client.commands import check_command
    from indexsite_client.trusted import choose_index

    index = choose_index(url)
    installer = check_command(command, os.environ)
    from indexsite_client.run import run_unverified, run_verified  # after the checks: it imports tuf, which takes long

    runner = run_unverified if unsafe else run_verified
    sys.exit(runner(index, installer, environment=os.environ, say=_say))


commands.add_command(mirror)
commands.add_command(verify)
commands.add_command(ceremony)


def main() -> None:
    """Run the command line; a refusal is one sentence on stderr and exit code 1, a wrong usage exit code 2."""
    sys.modules.setdefault("boto3", None)  # type: ignore[arg-type]  # no key of ours lies at Amazon, and it takes 0.2 s
    try:
        commands()
    except UsageError as error:
        _say(str(error))
        sys.exit(2)
    except ClientError as error:
        _say(str(error))
        sys.exit(1)
