"""The names of the projects that a partial mirror is asked to hold. Pure over a reader."""

import os
import re
from collections.abc import Callable, Iterable, Iterator

from packaging.requirements import InvalidRequirement, Requirement

from indexsite_client.errors import UsageError
from indexsite_client.protocol import NormalizedName, ProtocolError, normalize_name

_COMMENT = re.compile(r"(^|\s)#.*$")
_INCLUDED = re.compile(r"(-r|-c|--requirement|--constraint)(=|\s*)(?P<path>\S+)")
_MAX_FILES = 200


def requested_names(names: Iterable[str]) -> frozenset[NormalizedName]:
    """The projects named on the command line, several of them in one word with commas between."""
    return frozenset(_normalized(each, "--projects") for name in names for each in re.split(r"[,\s]+", name) if each)


def required_names(path: str, read: Callable[[str], bytes]) -> frozenset[NormalizedName]:
    """The projects that a requirements file and those that it includes name; their own dependencies are not added."""
    found: set[NormalizedName] = set()
    waiting, seen = [path], set[str]()
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        if len(seen) > _MAX_FILES:
            raise UsageError(f"More than {_MAX_FILES} requirements files include each other; use fewer.")
        try:
            text = read(path).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise UsageError(f"{path} is not in UTF-8; save it as UTF-8.") from error
        for number, line in _lines(text):
            if included := _INCLUDED.fullmatch(line):
                waiting.append(os.path.join(os.path.dirname(path), included["path"]))
            elif not line.startswith("-"):
                found.add(_required(line, f"{path}:{number}"))
    return frozenset(found)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines that say something, joined where a backslash ends one, without comments."""
    joined = ""
    for number, raw in enumerate(text.splitlines(), start=1):
        joined += raw.removesuffix("\\")
        if raw.endswith("\\"):
            continue
        if line := _COMMENT.sub("", joined).strip():
            yield number, line
        joined = ""


def _required(line: str, where: str) -> NormalizedName:
    try:
        return _normalized(Requirement(re.split(r"\s--", line)[0].strip()).name, where)
    except InvalidRequirement as error:
        raise UsageError(
            f"{where}: {line[:80]!r} does not begin with a project's name; name it by --projects."
        ) from error


def _normalized(name: str, where: str) -> NormalizedName:
    try:
        return normalize_name(name)
    except ProtocolError as error:
        raise UsageError(f"{where}: {error}") from error
