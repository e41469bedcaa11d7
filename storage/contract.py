"""What the rest of the house asks of a storage: Django's storage API and four durable verbs."""

from collections.abc import Mapping
from pathlib import Path
from typing import IO, Protocol, cast

from django.core.files.storage import storages

METADATA = "metadata"
TIMESTAMP = f"{METADATA}/timestamp.json"


class ReplacedMeanwhileError(Exception):
    """Somebody else replaced the name since it was read."""

    code = "replaced-meanwhile"

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} was replaced by another publisher meanwhile; read it again and start over.")
        self.name = name


class DurableStorage(Protocol):
    """Where bytes are kept. Implementations are named in settings.STORAGES and carry Django's storage API too."""

    def open(self, name: str) -> IO[bytes]: ...
    def exists(self, name: str) -> bool: ...
    def size(self, name: str) -> int: ...
    def incoming_folder(self) -> Path: ...
    def adopt(self, source: Path, name: str) -> None: ...
    def write(self, files: Mapping[str, bytes]) -> None: ...
    def replace(self, name: str, content: bytes, *, expected: bytes | None) -> None: ...


def the_storage() -> DurableStorage:
    """The storage that the settings chose."""
    return cast(DurableStorage, storages["default"])


def blob_name(sha256: str) -> str:
    """Where the blob with this hash (64 hexadecimal digits) lies."""
    return f"blobs/{sha256[:2]}/{sha256}"


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
