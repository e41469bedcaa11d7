"""The commands about copies of a ceremony: to merge those of others, to put some into a safe, and on paper."""

from pathlib import Path

import click

from indexsite_client.ceremony.console import changing, say, say_next
from indexsite_client.ceremony.options import ask_secrets, folder_argument, passphrase_option


@click.command()
@folder_argument
@click.argument("others", nargs=-1, required=True, type=click.Path(path_type=Path, file_okay=False))
def merge(folder: Path, *, others: tuple[Path, ...]) -> None:
    """Bring keys and signatures from copies of the ceremony, OTHERS, into FOLDER."""
    from indexsite_client.ceremony.folder import Folder
    from indexsite_client.ceremony.merging import merge as merge_copies
    from indexsite_client.ceremony.signing import publish_complete

    with changing(folder) as place:
        notes = merge_copies(place, [Folder(other) for other in others])
        done = publish_complete(place)
    say(notes or ["The copies have nothing new."])
    for document in done:
        click.echo(f"Complete: metadata/{document.filename} (sha256 {document.sha256}).")
    say_next(folder)


@click.command()
@folder_argument
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--sealed", is_flag=True, help="One file under a passphrase, instead of a plain folder.")
@click.option(
    "--with-online-key",
    "online_key",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Add the online key's sealed file.",
)
@passphrase_option
def export(folder: Path, out: Path, *, sealed: bool, online_key: Path | None, passphrase_file: Path | None) -> None:
    """Copy the ceremony to OUT, for a stick or a safe, and show the hashes to keep on paper."""
    from indexsite_client.ceremony.exporting import export as export_folder
    from indexsite_client.ceremony.folder import Folder

    secrets = ask_secrets(passphrase_file, confirm=True)
    say(export_folder(Folder(folder), out, online_key=online_key, sealed=sealed, secrets=secrets))


@click.command(name="open")
@click.argument("archive", type=click.Path(path_type=Path, dir_okay=False))
@folder_argument
@passphrase_option
def open_archive(archive: Path, folder: Path, *, passphrase_file: Path | None) -> None:
    """Write what a sealed export holds to the new FOLDER."""
    from indexsite_client.ceremony.exporting import open_export

    open_export(archive, folder, secrets=ask_secrets(passphrase_file))
    say_next(folder)


@click.command()
@folder_argument
def paper(folder: Path) -> None:
    """Show the hashes to keep on paper: the root's fingerprint, the newest documents, the keys."""
    from indexsite_client.ceremony.folder import Folder
    from indexsite_client.ceremony.telling import describe_hashes

    say(describe_hashes(Folder(folder).load()))
