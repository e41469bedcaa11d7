"""What files and projects may be called: PEP 625, the standard library's names, names that look alike. Pure."""

import sys
from collections.abc import Iterable, Iterator, Mapping

from packaging.utils import canonicalize_name

from indexsite_client.protocol import DistributionFilename
from packages.policy import Policy

_LOOK_ALIKE = str.maketrans({"-": "", "l": "1", "i": "1", "o": "0"})
_STANDARD_LIBRARY = frozenset(canonicalize_name(name) for name in sys.stdlib_module_names if not name.startswith("_"))


def filename_faults(named: DistributionFilename, policy: Policy) -> list[str]:
    """What is wrong with a file's name that is otherwise the name of a distribution."""
    faults = []
    if named.version.local and policy.pypi:
        faults.append(f"{named.filename} has a local version (+{named.version.local}); publish {named.version.public}.")
    if named.is_wheel:
        faults.extend(_tag_faults(named, policy))
    else:
        faults.extend(_sdist_faults(named, policy))
    return faults


def name_fault(name: str, *, prohibited: Mapping[str, str], allowed: Iterable[str]) -> str:
    """Why no new project may have this normalized name; empty where it may.

    `prohibited` are normalized names with a reason, which may be empty; `allowed` are never refused.
    """
    if name in allowed:
        return ""
    if name in prohibited:
        reason = f" ({prohibited[name]})" if prohibited[name] else ""
        return f"The name {name} is prohibited on this index{reason}; choose another, or ask its administrators."
    if name in _STANDARD_LIBRARY:
        return (
            f"{name} is the name of a module of Python's standard library, which a project must not shadow; choose "
            f"another name, or ask an administrator to allow this one."
        )
    return ""


def look_alike(name: str) -> str:
    """What is left of a normalized name without separators and with letters that look alike made one.

    Two projects whose names are the same then are confusable: `l`, `i` and `1`, `o` and `0`, and `a-b` beside `ab`.
    """
    return name.translate(_LOOK_ALIKE)


def near_misses(name: str, popular: Iterable[str]) -> list[str]:
    """The popular names that a slip turns into this one: a character more, less, other, or two swapped."""
    return [each for each in popular if abs(len(each) - len(name)) <= 1 and each != name and _is_one_slip(name, each)]


def _is_one_slip(one: str, other: str) -> bool:
    """Whether the Damerau-Levenshtein distance of two different strings is one."""
    at = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    rest, other_rest = one[at:], other[at:]
    if len(rest) != len(other_rest):
        return rest[1:] == other_rest or rest == other_rest[1:]
    return rest[1:] == other_rest[1:] or (rest[1::-1] == other_rest[:2] and rest[2:] == other_rest[2:])


def _tag_faults(named: DistributionFilename, policy: Policy) -> Iterator[str]:
    platforms = named.filename.removesuffix(".whl").rpartition("-")[2].split(".")
    refused = [each for each in platforms if each.startswith("linux_")] if policy.pypi else []
    if refused:
        yield f"{named.filename} is for {', '.join(refused)}, which promises nothing; repair it with auditwheel."


def _sdist_faults(named: DistributionFilename, policy: Policy) -> Iterator[str]:
    stem = f"{named.project.replace('-', '_')}-{named.version_text}"
    is_zip = named.filename.endswith(".zip")
    if is_zip and not policy.zip_sdists:
        yield f"{named.filename} is a zip archive; build the sdist as {stem}.tar.gz (PEP 625)."
    elif named.filename.removesuffix(".zip").removesuffix(".tar.gz") != stem and not policy.older_sdist_names:
        ending = ".zip" if is_zip else ".tar.gz"
        yield f"{named.filename} must be called {stem}{ending} (PEP 625); build it with newer tools."
