"""Reading a distribution: the archive, and what the metadata in it says. Pure."""

import logging
from dataclasses import dataclass
from typing import IO

from indexsite_client.protocol import DistributionFilename
from packages.archives import read_archive
from packages.archives.bounded import MAX_UNPACKED
from packages.errors import ArchiveFaultyError, UploadRefusedError
from packages.metadata import AnnouncedMetadata, CoreMetadata, read_core_metadata
from packages.policy import LENIENT, Policy

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Distribution:
    """A distribution whose name and metadata agree."""

    named: DistributionFilename
    metadata: CoreMetadata


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
    archive = read_archive(named, file, max_unpacked=max_unpacked)
    try:
        metadata = read_core_metadata(archive.metadata, named, announced=announced, policy=policy)
    except UploadRefusedError:
        raise
    except Exception as error:  # the one boundary around parsers of hostile bytes
        log.exception("A parser failed on %s in a way that nobody foresaw.", named.filename)
        raise ArchiveFaultyError(f"{named.filename} is malformed in a way that this index cannot name.") from error
    return Distribution(named, metadata)
