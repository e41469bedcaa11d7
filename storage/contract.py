"""What the rest of the house asks of a storage: Django's storage API and a few verbs, the durable ones first."""

import contextlib
import errno
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Protocol, TypeAlias, cast

from django.core.files.storage import storages

METADATA, BLOBS = "metadata", "blobs"
TIMESTAMP = f"{METADATA}/timestamp.json"


class ReplacedMeanwhileError(Exception):
    """Somebody else replaced the name since it was read."""

    code = "replaced-meanwhile"

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} was replaced by another publisher meanwhile; read it again and start over.")
        self.name = name


class StorageUnavailableError(OSError):
    """The store cannot be reached, refuses us or is full: nothing was changed for good, and trying again is safe."""

    code = "storage-unavailable"

    def __init__(self, what: str) -> None:
        super().__init__(f"The storage cannot be used at the moment: {what}")


class Watch(Protocol):
    """A cheap question, asked at each request: the answer changes when the content of a name does.

    Raises FileNotFoundError where there never was any. A store that is far away may answer what was true a moment
    ago, but not where a `fresh` answer is wanted.
    """

    def __call__(self, *, fresh: bool = False) -> Hashable: ...


Source: TypeAlias = bytes | Path  # what to write: bytes, or a file in the incoming folder that is taken over


@dataclass(frozen=True, slots=True)
class StoredFile:
    """Something that lies in the store: its size in bytes, and when it was written last."""

    name: str
    size: int
    written_at: datetime


class DurableStorage(Protocol):
    """Where bytes are kept. Implementations are named in settings.STORAGES and carry Django's storage API too.

    Every verb may raise StorageUnavailableError. `check` raises it where the store does not do what we rely on.
    """

    def open(self, name: str) -> IO[bytes]: ...
    def exists(self, name: str) -> bool: ...
    def size(self, name: str) -> int: ...
    def url(self, name: str) -> str: ...
    def local(self, name: str) -> Path | None: ...
    def incoming_folder(self) -> Path: ...
    def write(self, files: Mapping[str, Source]) -> None: ...
    def replace(self, name: str, content: bytes, *, expected: bytes | None) -> None: ...
    def stored(self, folder: str) -> Iterator[StoredFile]: ...
    def remove(self, names: Iterable[str], *, written_before: datetime) -> set[str]: ...
    def watch(self, name: str) -> Watch: ...
    def check(self) -> None: ...


def the_storage() -> DurableStorage:
    """The storage that the settings chose."""
    return cast(DurableStorage, storages["default"])


_DISK_FAULTS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO}


@contextlib.contextmanager
def disk_faults_named(folder: object) -> Iterator[None]:
    """A disk that is full or broken is a StorageUnavailableError; what is wrong with us stays as it is."""
    try:
        yield
    except OSError as error:
        if error.errno not in _DISK_FAULTS:
            raise
        raise StorageUnavailableError(f"{error.strerror} ({folder}); make room there, or mend the disk.") from error


def blob_name(sha256: str) -> str:
    """Where the blob with this hash (64 hexadecimal digits) lies."""
    return f"{BLOBS}/{sha256[:2]}/{sha256}"


def document_name(role: str, version: int) -> str:
    """Where a version of a role's signed metadata lies."""
    return f"{METADATA}/{version}.{role}.json"


def read_bytes(name: str, *, limit: int) -> bytes | None:
    """The content under a name, None where there is none; raises ValueError where it is longer than `limit`."""
    try:
        with the_storage().open(name) as file:
            content = file.read(limit + 1)
    except FileNotFoundError:
        return None
    if len(content) > limit:
        raise ValueError(f"{name} is longer than {limit} bytes.")
    return content
