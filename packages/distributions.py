"""Reading a distribution: what the metadata inside a wheel or sdist says, compared with the file's name. Pure."""

import gzip
import logging
import re
import tarfile
import zipfile
import zlib
from dataclasses import dataclass
from typing import IO, cast

from packaging.metadata import parse_email
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from indexsite_client.protocol import DistributionFilename, NormalizedName, ProtocolError, normalize_name
from packages.bounded import CHUNK, BoundedReader, BoundExceededError
from packages.errors import ArchiveFaultyError, MetadataFaultyError, UploadRefusedError
from packages.static_metadata import is_static
from packages.tarballs import walk_tar

MAX_METADATA = 4 * 1024 * 1024
MAX_MEMBERS = 100_000
MAX_UNPACKED = 2 * 1024**3
MAX_HEADER, MAX_HEADER_LINES, MAX_HEADER_NAMES = 1024 * 1024, 10_000, 100  # of METADATA; bytes, lines, distinct names
_MAX_CENTRAL_DIRECTORY = 12 * 1024 * 1024
_MAX_FIELD = 500
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CoreMetadata:
    """What we act on of METADATA or PKG-INFO; `content` are its bytes as they lie in the archive.

    `is_static`: an sdist's is true of every wheel built of it; a wheel's is in any case.
    """

    name: str
    version: Version
    requires_python: str
    summary: str
    content: bytes
    is_static: bool


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
    file.seek(0)
    try:
        read = _read_from_zip if named.filename.endswith((".whl", ".zip")) else _read_from_tar
        metadata = read_core_metadata(read(named, file, max_unpacked), filename=named.filename)
    except UploadRefusedError:
        raise
    except BoundExceededError as error:
        raise ArchiveFaultyError(f"{named.filename} cannot be read safely: {error}.") from error
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise ArchiveFaultyError(f"{named.filename} is damaged or no archive: {error or 'it ends early'}.") from error
    except Exception as error:  # the one boundary around parsers of hostile bytes
        log.exception("A parser failed on %s in a way that nobody foresaw.", named.filename)
        raise ArchiveFaultyError(f"{named.filename} is malformed in a way that this index cannot name.") from error
    _compare(named, metadata)
    return Distribution(named, metadata)


def read_core_metadata(content: bytes, *, filename: str) -> CoreMetadata:
    """Parse METADATA or PKG-INFO; raises MetadataFaultyError with every fault."""
    _bound_headers(content, filename)
    raw, unparsed = parse_email(content)
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
    return CoreMetadata(raw["name"], version, requires_python, summary, content, is_static(raw, unparsed))


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


def _read_from_zip(named: DistributionFilename, file: IO[bytes], max_unpacked: int) -> bytes:
    bounded = BoundedReader(file, max_read=_MAX_CENTRAL_DIRECTORY, max_total=max_unpacked)
    with zipfile.ZipFile(cast(IO[bytes], bounded)) as archive:
        members = archive.infolist()
        if len(members) > MAX_MEMBERS:
            raise BoundExceededError(f"it has more than {MAX_MEMBERS} members")
        found = [member for member in members if _is_metadata(named, member.filename)]
        if len(found) != 1:
            raise ArchiveFaultyError(
                f"{named.filename} must hold {_wanted(named)} exactly once, not {len(found)} times."
            )
        if found[0].compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise BoundExceededError("its metadata is packed otherwise than stored or deflated")
        if found[0].file_size > MAX_METADATA:
            raise BoundExceededError(f"its metadata is larger than {MAX_METADATA} bytes")
        with archive.open(found[0]) as member:
            return _read_whole(member)


def _read_from_tar(named: DistributionFilename, file: IO[bytes], max_unpacked: int) -> bytes:
    """Walk the whole archive once, so that one cut short is refused, and keep PKG-INFO of the top folder."""
    with gzip.GzipFile(fileobj=file, mode="rb") as unzipped:
        bounded = BoundedReader(
            cast(IO[bytes], unzipped), max_read=MAX_METADATA, max_total=max_unpacked, forward_only=True
        )
        found: list[bytes] = []
        for count, member in enumerate(walk_tar(bounded), start=1):
            if count > MAX_MEMBERS:
                raise BoundExceededError(f"it has more than {MAX_MEMBERS} members")
            if not _is_metadata(named, member.name):
                continue
            if not member.is_file or member.size > MAX_METADATA:
                raise BoundExceededError(f"its metadata is no plain file of at most {MAX_METADATA} bytes")
            found.append(bounded.read(member.size))
        while bounded.read(CHUNK):  # to the end of the gzip stream, whose checksum counts
            pass
    if len(found) != 1:
        raise ArchiveFaultyError(f"{named.filename} must hold {_wanted(named)} exactly once, not {len(found)} times.")
    return found[0]


def _read_whole(member: IO[bytes]) -> bytes:
    content = member.read(MAX_METADATA + 1)
    if len(content) > MAX_METADATA:
        raise BoundExceededError(f"its metadata is larger than {MAX_METADATA} bytes")
    return content


def _is_metadata(named: DistributionFilename, path: str) -> bool:
    folder, _, name = path.removeprefix("./").partition("/")
    if not named.is_wheel:
        return name == "PKG-INFO"
    project, _, _version = folder.removesuffix(".dist-info").partition("-")
    return name == "METADATA" and folder.endswith(".dist-info") and _normalizes_to(project, named.project)


def _wanted(named: DistributionFilename) -> str:
    return "one .dist-info/METADATA of its project" if named.is_wheel else "PKG-INFO in its top folder"


def _normalizes_to(name: str, project: NormalizedName) -> bool:
    try:
        return normalize_name(name) == project
    except ProtocolError:
        return False
