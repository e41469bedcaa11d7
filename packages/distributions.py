"""Reading a distribution: what the metadata inside a wheel or sdist says, compared with the file's name. Pure."""

import logging
import re
from dataclasses import dataclass
from typing import IO

from packaging.metadata import parse_email
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from indexsite_client.protocol import DistributionFilename, ProtocolError, normalize_name
from packages.archives import read_archive
from packages.archives.bounded import MAX_UNPACKED
from packages.errors import ArchiveFaultyError, MetadataFaultyError, UploadRefusedError

MAX_HEADER, MAX_HEADER_LINES, MAX_HEADER_NAMES = 1024 * 1024, 10_000, 100  # of METADATA; bytes, lines, distinct names
_MAX_FIELD = 500
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CoreMetadata:
    """What we act on of METADATA or PKG-INFO; `content` are its bytes as they lie in the archive."""

    name: str
    version: Version
    requires_python: str
    summary: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Distribution:
    """A distribution whose name and metadata agree."""

    named: DistributionFilename
    metadata: CoreMetadata


def read_distribution(
    named: DistributionFilename, file: IO[bytes], *, max_unpacked: int = MAX_UNPACKED
) -> Distribution:
    """Read the metadata out of the archive and compare it with the file's name.

    `max_unpacked` is the most that is inflated, in bytes. Raises ArchiveFaultyError or MetadataFaultyError. What is
    held in memory, inflated and parsed is bounded whatever the bytes are.
    """
    archive = read_archive(named, file, max_unpacked=max_unpacked)
    try:
        metadata = read_core_metadata(archive.metadata, filename=named.filename)
    except UploadRefusedError:
        raise
    except Exception as error:  # the one boundary around parsers of hostile bytes
        log.exception("A parser failed on %s in a way that nobody foresaw.", named.filename)
        raise ArchiveFaultyError(f"{named.filename} is malformed in a way that this index cannot name.") from error
    _compare(named, metadata)
    return Distribution(named, metadata)


def read_core_metadata(content: bytes, *, filename: str) -> CoreMetadata:
    """Parse METADATA or PKG-INFO; raises MetadataFaultyError with every fault."""
    _bound_headers(content, filename)
    raw, _unparsed = parse_email(content)
    faults = []
    version, requires_python = Version("0"), str(raw.get("requires_python") or "")
    try:
        version = Version(str(raw.get("version") or "")[:_MAX_FIELD])
    except InvalidVersion:
        faults.append(f"The metadata in {filename} has no valid Version; build the distribution again.")
    try:
        normalize_name(raw.get("name") or "")
    except ProtocolError:
        faults.append(f"The metadata in {filename} has no valid Name; build the distribution again.")
    try:
        SpecifierSet(requires_python[: _MAX_FIELD + 1])
    except InvalidSpecifier:
        faults.append(f"Requires-Python in {filename} is no version specifier: {requires_python[:80]!r}.")
    if len(requires_python) > _MAX_FIELD or _CONTROL.search(requires_python):
        faults.append(f"Requires-Python in {filename} has control characters, or more than {_MAX_FIELD} characters.")
    if faults:
        raise MetadataFaultyError(*faults)
    summary = _CONTROL.sub(" ", str(raw.get("summary") or ""))[:512]
    return CoreMetadata(raw["name"], version, requires_python, summary, content)


def _bound_headers(content: bytes, filename: str) -> None:
    """Refuse what would keep the parser busy: it compares each header's name with every other's."""
    header, _, _ = content.replace(b"\r\n", b"\n").partition(b"\n\n")
    lines = header.split(b"\n", MAX_HEADER_LINES)
    names = {line.partition(b":")[0].lower() for line in lines if not line.startswith((b" ", b"\t"))}
    if len(header) > MAX_HEADER or len(lines) > MAX_HEADER_LINES or len(names) > MAX_HEADER_NAMES:
        raise MetadataFaultyError(f"The metadata in {filename} has more headers than any distribution needs.")


def _compare(named: DistributionFilename, metadata: CoreMetadata) -> None:
    faults = []
    if normalize_name(metadata.name) != named.project:
        faults.append(f"{named.filename} is of {named.project}, but the metadata in it names {metadata.name[:80]!r}.")
    if metadata.version != named.version:
        faults.append(f"{named.filename} is version {named.version}, but the metadata in it says {metadata.version}.")
    if faults:
        raise MetadataFaultyError(*faults)
