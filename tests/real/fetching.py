"""Fetches files from wherever pip is configured to look: `python -m tests.real.fetching FOLDER`, their list on stdin.

pip's own parts find and fetch them, but for any platform, and without building sdists to learn their names. In a
process of its own, for pip is no library.
"""

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pip._internal.commands import create_command
from pip._internal.index.collector import parse_links
from pip._internal.models.link import Link

from tests.real import read_list

_CHUNK = 1024 * 1024


def fetch(wanted: dict[str, tuple[str, ...]], folder: Path) -> list[str]:
    """Fetch what the folder lacks; the files that could not be found."""
    command: Any = create_command("download")  # Any: pip has no types for others
    options, _ = command.parse_args(["--no-deps", "none"])
    missing = list[str]()
    with command.main_context():
        session = command.get_default_session(options)
        finder = command._build_package_finder(options, session)
        for project, files in wanted.items():
            lacking = [file for file in files if not (folder / file).exists()]
            links = {link.filename: link for link in _links(finder, project)} if lacking else {}
            for file in lacking:
                if file in links:
                    _save(session, links[file], folder / file)
                else:
                    missing.append(file)
    return missing


def _links(finder: Any, project: str) -> Iterator[Any]:  # Any: pip's own classes
    collector = finder._link_collector
    for address in collector.search_scope.get_index_urls_locations(project):
        if address.startswith("http"):
            page = collector.fetch_response(Link(address))
            yield from parse_links(page) if page is not None else ()


def _save(session: Any, link: Any, path: Path) -> None:  # Any: as above
    temporary, digest = path.with_name(f".{path.name}"), hashlib.sha256()
    with session.get(link.url_without_fragment, stream=True, headers={"Accept-Encoding": "identity"}) as reply:
        reply.raise_for_status()
        with open(temporary, "wb") as file:
            for chunk in reply.iter_content(_CHUNK):
                file.write(chunk)
                digest.update(chunk)
    if link.hash_name == "sha256" and digest.hexdigest() != link.hash:
        sys.exit(f"{path.name} is not what its index says; try again.")
    temporary.rename(path)


if __name__ == "__main__":
    for each in fetch(read_list(sys.stdin), Path(sys.argv[1])):
        print(each)
