"""The command `indexsite verify`: what is compared, how the answer looks, and the exit code."""

import json
import os
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from indexsite_client.errors import UsageError

if TYPE_CHECKING:
    from indexsite_client.trusted import TrustedIndex
    from indexsite_client.verification.installed import EnvironmentReport

DIFFERENT, UNTOLD = 1, 3
_MOST_SHOWN = 50
_WHAT_IT_SHOWS = (
    "This compares the files that lie there now. It does not show what ran before, and not whether this Python, this "
    "command or the system below them are sound."
)


@click.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option("--mirror", type=click.Path(path_type=Path), metavar="FOLDER", help="A mirror's whole tree, offline.")
@click.option("--environment", type=click.Path(path_type=Path), metavar="FOLDER", help="A virtual environment.")
@click.option("--python", type=click.Path(path_type=Path), metavar="PATH", help="The environment of this interpreter.")
@click.option("--ignore", multiple=True, metavar="PATTERN", help="Surplus in site-packages that is yours; repeatable.")
@click.option("--index", "url", metavar="URL", help="Which of several trusted indexes to compare with.")
@click.option("--json", "as_json", is_flag=True, help="The answer as JSON on stdout.")
@click.pass_context
def verify(
    context: click.Context,
    files: tuple[Path, ...],
    *,
    mirror: Path | None,
    environment: Path | None,
    python: Path | None,
    ignore: tuple[str, ...],
    url: str | None,
    as_json: bool,
) -> None:
    """Compare FILES, a mirror or an installed environment with what the index's roles vouch for.

    Exit codes: 0 all is the index's own; 1 something is changed, missing, surplus or refused; 3 nothing of that, but
    not everything is from this index or can be told.
    """
    from indexsite_client.trusted import choose_index

    asked = [bool(files), mirror is not None, environment is not None, python is not None]
    if asked.count(True) != 1:
        raise UsageError("Give one of: FILES, --mirror FOLDER, --environment FOLDER, --python PATH.")
    index = choose_index(url)
    if mirror is not None:
        document, lines, code = _verify_mirror(index, mirror)
    elif files:
        document, lines, code = _verify_files(index, files)
    else:
        document, lines, code = _verify_environment(index, environment, python, ignore)
    click.echo(json.dumps({"index": index.url, **document}, indent=2) if as_json else "\n".join(map(_printable, lines)))
    context.exit(code)


def _printable(line: str) -> str:
    """Names in archives and folders come from others; a terminal must not obey them."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in line)


_Answer = tuple[dict[str, Any], list[str], int]  # Any: JSON values


def _verify_mirror(index: "TrustedIndex", folder: Path) -> _Answer:
    from indexsite_client.progress import show_progress
    from indexsite_client.verification.mirrors import verify_mirror

    report = verify_mirror(index, folder, show_progress)
    part = " of some projects" if report.is_partial else ""
    lines = [f"{each.fault:8} {each.address}{f': {each.detail}' if each.detail else ''}" for each in report.findings]
    lines += [f"withheld {address}" for address in report.withheld]
    if not report.is_whole:
        lines.append("Some documents cannot be used, so files that only they vouch for were not looked at.")
    if report.unread:
        lines.append(f"Not compared: {report.unread} files in brotli form.")
    result = f"{len(report.findings)} things are wrong" if report.findings else "all as signed"
    lines.append(
        f"Mirror{part} in version {report.version}: {report.documents} documents, {report.projects} projects, "
        f"{report.files} files; {result}."
    )
    return {"mirror": str(folder), **asdict(report)}, lines, DIFFERENT if report.findings else 0


def _verify_files(index: "TrustedIndex", files: tuple[Path, ...]) -> _Answer:
    from indexsite_client.verification.files import FileState, verify_file
    from indexsite_client.verification.sessions import asking

    with asking(index, os.environ) as session:
        reports = [verify_file(session, path) for path in files]
    lines = [f"{each.state:8} {each.path}: {each.reason}" for each in reports]
    states = {each.state for each in reports}
    return {"files": [asdict(each) for each in reports]}, lines, 0 if states <= {FileState.SAME} else DIFFERENT


def _verify_environment(
    index: "TrustedIndex", folder: Path | None, python: Path | None, ignore: tuple[str, ...]
) -> _Answer:
    from indexsite_client.verification.environments import environment_at, environment_of
    from indexsite_client.verification.installed import verify_environment
    from indexsite_client.verification.sessions import asking

    place = environment_of(python) if python is not None else environment_at(folder or Path(sys.prefix))
    with asking(index, os.environ) as session:
        report = verify_environment(session, place, ignore=ignore)
    code = DIFFERENT if report.is_different else 0 if report.is_whole else UNTOLD
    return {"environment": str(place.prefix), **asdict(report)}, environment_lines(report), code


def environment_lines(report: "EnvironmentReport") -> list[str]:
    """The answer as a table and sentences for a person."""
    rows = [(each.name, each.version, str(each.state), each.wheel or each.reason) for each in report.distributions]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    lines = []
    for row, each in zip(rows, report.distributions, strict=True):
        lines.append(
            "  ".join([*(text.ljust(width) for text, width in zip(row, widths, strict=False)), row[3]]).rstrip()
        )
        lines += [f"    {difference.kind:8} {difference.path}" for difference in each.differences[:_MOST_SHOWN]]
        if len(each.differences) > _MOST_SHOWN:
            lines.append(f"    and {len(each.differences) - _MOST_SHOWN} more; --json names all")
    lines += [f"surplus, of no distribution: {path}" for path in report.surplus[:_MOST_SHOWN]]
    if len(report.surplus) > _MOST_SHOWN:
        lines.append(f"and {len(report.surplus) - _MOST_SHOWN} more; --json names all")
    counts = (("compiled", report.compiled), ("generated", report.generated), ("header", report.elsewhere))
    unseen = [f"{number} {what} files" for what, number in counts if number]
    unseen += [f"{report.ignored} files that --ignore names"] if report.ignored else []
    if unseen:
        lines.append(f"Not compared: {', '.join(unseen)}.")
    states = Counter(str(each.state) for each in report.distributions)
    told = ", ".join(f"{number} {state}" for state, number in states.items()) or "nothing is installed there"
    lines.append(f"{len(report.distributions)} distributions: {told}; {len(report.surplus)} files belong to none.")
    return [*lines, _WHAT_IT_SHOWS]
