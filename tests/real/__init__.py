"""Files of well-known projects: which, where they come from, and what becomes of them as uploads."""

from collections.abc import Iterable


def read_list(lines: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The files by project: a line has a project and its files."""
    words = (line.split() for line in lines if line.strip() and not line.startswith("#"))
    return {project: tuple(files) for project, *files in words}
