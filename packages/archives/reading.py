"""The one way into an archive: which reader a file needs, and every fault turned into a refusal. Pure."""

import logging
import os
from dataclasses import dataclass
from typing import IO

from indexsite_client.protocol import DistributionFilename
from packages.archives.bounded import MAX_UNPACKED, BoundExceededError, Meter, UnreadableError
from packages.archives.faults import Faults
from packages.archives.sdists import read_tar_sdist, read_zip_sdist
from packages.archives.wheels import read_wheel
from packages.errors import ArchiveFaultyError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Archive:
    """A distribution's archive in which no fault was found.

    `metadata` are the bytes of METADATA or PKG-INFO; `members` the paths of all files as they lie in it, an sdist's
    with its top folder. `notes` are sentences about what was forgiven.
    """

    metadata: bytes
    members: frozenset[str]
    notes: tuple[str, ...] = ()


def read_archive(
    named: DistributionFilename, file: IO[bytes], *, max_unpacked: int = MAX_UNPACKED, forgiving: bool = False
) -> Archive:
    """Read and check the whole archive: framing, names, contents, and what its kind of distribution must hold.

    `max_unpacked` is the most that is unpacked, in bytes; with `forgiving`, what no installer minds is only noted.
    Raises ArchiveFaultyError with several faults at once. What is held in memory and unpacked is bounded whatever the
    bytes are.
    """
    meter = Meter(packed=file.seek(0, os.SEEK_END), max_unpacked=max_unpacked)
    return read_measured(named, file, meter, forgiving=forgiving)


def read_measured(named: DistributionFilename, file: IO[bytes], meter: Meter, *, forgiving: bool = False) -> Archive:
    """The same, with the meter that counts the work and bounds it."""
    faults = Faults(named.filename, forgiving=forgiving)
    read = read_wheel if named.is_wheel else read_zip_sdist if named.filename.endswith(".zip") else read_tar_sdist
    try:
        metadata, tree = read(named, file, faults, meter)
    except ArchiveFaultyError:
        raise
    except BoundExceededError as error:
        raise faults.refusal(f"{named.filename} cannot be read safely: {error}.") from error
    except UnreadableError as error:
        raise faults.refusal(f"{named.filename} is damaged or no archive: {error}. Build it again.") from error
    except OSError:
        raise  # the disk's fault
    except Exception as error:  # the one boundary around readers of hostile bytes
        log.exception("Reading %s failed in a way that nobody foresaw.", named.filename)
        raise faults.refusal(f"{named.filename} is malformed in a way that this index cannot name.") from error
    faults.raise_any()
    return Archive(metadata, tree.files, tuple(faults.notes))
