"""Reading a distribution: the archive, and what the metadata in it says. Pure."""

import logging
from dataclasses import dataclass
from typing import IO

from indexsite_client.protocol import DistributionFilename
from packages.archives import Archive, read_archive
from packages.archives.bounded import MAX_UNPACKED
from packages.errors import ArchiveFaultyError, MetadataFaultyError, UploadRefusedError
from packages.metadata import AnnouncedMetadata, CoreMetadata, read_core_metadata
from packages.policy import LENIENT, Policy

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Distribution:
    """A distribution whose name and metadata agree. `notes` are sentences about what an import was forgiven."""

    named: DistributionFilename
    metadata: CoreMetadata
    notes: tuple[str, ...] = ()


def read_distribution(
    named: DistributionFilename,
    file: IO[bytes],
    *,
    announced: AnnouncedMetadata | None = None,
    policy: Policy = LENIENT,
    max_unpacked: int = MAX_UNPACKED,
) -> Distribution:
    """Check the archive, and hold the metadata in it against the file's name, the form and the rules.

    `max_unpacked` is the most that is inflated, in bytes. Raises ArchiveFaultyError or MetadataFaultyError. What is
    held in memory, inflated and parsed is bounded whatever the bytes are.
    """
    archive = read_archive(named, file, max_unpacked=max_unpacked, forgiving=policy.imported)
    try:
        metadata = read_core_metadata(archive.metadata, named, announced=announced, policy=policy)
    except UploadRefusedError:
        raise
    except Exception as error:  # the one boundary around parsers of hostile bytes
        log.exception("A parser failed on %s in a way that nobody foresaw.", named.filename)
        raise ArchiveFaultyError(f"{named.filename} is malformed in a way that this index cannot name.") from error
    fault = _license_files_fault(named, metadata, archive)
    if fault and not policy.imported:
        raise MetadataFaultyError(fault)
    return Distribution(named, metadata, (*archive.notes, *metadata.notes, *([fault] if fault else [])))


def _license_files_fault(named: DistributionFilename, metadata: CoreMetadata, archive: Archive) -> str:
    """Where License-File names what is not there (PEP 639); empty where it does not."""
    if not metadata.license_files:
        return ""
    if named.is_wheel:  # which has one .dist-info at its top; vendored ones may lie deeper
        [info] = [path for path in archive.members if path.endswith(".dist-info/METADATA") and path.count("/") == 1]
        folder = f"{info.removesuffix('METADATA')}licenses"
    else:
        folder = min(archive.members).partition("/")[0]
    missing = [path for path in metadata.license_files if f"{folder}/{path}" not in archive.members]
    if not missing:
        return ""
    named_there = ", ".join(repr(path[:80]) for path in missing[:3])
    return f"License-File in {named.filename} names {named_there}, but {folder[:200]}/ lacks it; build it again."
