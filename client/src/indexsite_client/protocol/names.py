"""Names of projects and distributions (PEP 503, 427, 625), and the TUF target paths made of them."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NewType

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

NormalizedName = NewType("NormalizedName", str)  # a project's name as PEP 503 normalizes it

INDEX_PAGE = "index.json"
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_FILENAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]{0,254}")


class ProtocolError(ValueError):
    """Bytes, a name or a document that the protocol does not allow."""


def normalize_name(name: str) -> NormalizedName:
    """The name as PEP 503 normalizes it; raises ProtocolError where the result is no name of a project."""
    normalized = canonicalize_name(name)
    if not _NAME.fullmatch(normalized) or len(normalized) > 200:
        raise ProtocolError(f"{name[:80]!r} is not a project name: use ASCII letters, digits, '.', '-' and '_'.")
    return NormalizedName(normalized)


def is_normalized_name(name: str) -> bool:
    """Whether `name` is already as PEP 503 normalizes it."""
    return bool(_NAME.fullmatch(name)) and len(name) <= 200


@dataclass(frozen=True, slots=True)
class DistributionFilename:
    """What the name of a wheel (binary distribution format) or sdist (PEP 625 and its older spelling) says."""

    filename: str
    project: NormalizedName
    version: Version
    version_text: str  # in normal form

    @property
    def is_wheel(self) -> bool:
        return self.filename.endswith(".whl")


@lru_cache(maxsize=4096)  # a page asks for each of its files' names several times
def parse_distribution_filename(filename: str) -> DistributionFilename:
    """Read project and version from a file's name; raises ProtocolError for what is neither wheel nor sdist."""
    if not _FILENAME.fullmatch(filename):
        raise ProtocolError(
            f"{filename[:80]!r} is not the name of a distribution: it has characters that none can have."
        )
    try:
        if filename.endswith(".whl"):
            name, version, _build, _tags = parse_wheel_filename(filename)
        else:
            name, version = parse_sdist_filename(filename)
    except (InvalidWheelFilename, InvalidSdistFilename) as error:
        raise ProtocolError(f"{filename!r} is not the name of a wheel or sdist: {error}") from error
    return DistributionFilename(filename, normalize_name(name), version, str(version))


def page_target_path(project: NormalizedName) -> str:
    """The TUF target path of a project's page."""
    return f"{project}/{INDEX_PAGE}"


def file_target_path(project: NormalizedName, filename: str) -> str:
    """The TUF target path of a distribution file."""
    return f"{project}/{filename}"
