"""The command `indexsite mirror`: options in, one summary out."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from indexsite_client.errors import UsageError

if TYPE_CHECKING:
    from indexsite_client.mirror.fetching import Counts

_SHOWN = 20  # names in a summary
INCOMPLETE = 3  # the exit code of a mirror that is fine, but for what the index withholds


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--index", "url", metavar="URL", help="Which of several trusted indexes to mirror.")
@click.option("--projects", "names", metavar="NAME", multiple=True, help="Only this project's files; repeatable.")
@click.option("--requirements", type=click.Path(dir_okay=False), metavar="FILE", help="Only the projects named there.")
@click.option("--jobs", type=click.IntRange(1, 64), default=8, show_default=True, help="Downloads at once.")
@click.option("--delete", is_flag=True, help="Remove what the index has no more.")
@click.option("--recheck", is_flag=True, help="Read every file there again, and mend those that are damaged.")
@click.pass_context
def mirror(
    context: click.Context,
    folder: Path,
    *,
    url: str | None,
    names: tuple[str, ...],
    requirements: str | None,
    jobs: int,
    delete: bool,
    recheck: bool,
) -> None:
    """Copy the trusted index into FOLDER, every byte verified, for any web server to serve.

    Run it again to bring it up to date, or after a break: only what is missing is fetched. TUF's metadata is always
    copied as a whole, so clients verify a mirror of some projects as they verify the index.

    Exit codes: 0 complete, 3 complete but for files that the index withholds, 1 refused (the mirror stays as it was).
    """
    from indexsite_client.commands import read_requirements
    from indexsite_client.credentials import token_from_environment
    from indexsite_client.fetcher import Downloads
    from indexsite_client.mirror.mirroring import Wish, mirror_index
    from indexsite_client.mirror.requested import requested_names, required_names
    from indexsite_client.progress import show_progress
    from indexsite_client.trusted import choose_index

    projects = requested_names(names) | (
        required_names(requirements, read_requirements) if requirements else frozenset()
    )
    if not projects and (names or requirements):
        raise UsageError("No project is named; leave out --projects and --requirements to mirror all.")
    index = choose_index(url)
    downloads = Downloads(token=index.token(token_from_environment(os.environ)))
    try:
        wish = Wish(projects or None, jobs=jobs, delete=delete, recheck=recheck)
        counts = mirror_index(index, downloads, folder, wish, show_progress)
    finally:
        downloads.close()
    for line in summary(counts):
        click.echo(line)
    context.exit(INCOMPLETE if counts.withheld else 0)


def summary(counts: "Counts") -> Iterator[str]:
    """What a run did, for a person."""
    new = f"{counts.documents} documents, {counts.files} files ({counts.bytes} bytes) and {counts.pages} pages are new"
    is_new = counts.documents or counts.files or counts.pages
    yield f"Mirrored version {counts.version}: {new if is_new else 'nothing is new'}; {counts.kept} files were there."
    if counts.removed:
        yield f"Removed what the index has no more: {counts.removed} files."
    if counts.surplus:
        yield f"{counts.surplus} files lie there that the index does not have now; --delete removes them."
    if counts.withheld:
        yield "The index withholds these; the mirror's pages for installers do not list them:"
        yield from (f"  {address}" for address in counts.withheld[:_SHOWN])
        if len(counts.withheld) > _SHOWN:
            yield f"  and {len(counts.withheld) - _SHOWN} more"
