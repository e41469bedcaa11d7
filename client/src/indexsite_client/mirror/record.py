"""What a complete run notes in the mirror's work folder: which index, which projects, what it could not have."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from indexsite_client.errors import MirrorFolderError
from indexsite_client.mirror.tree import MirrorTree


@dataclass(frozen=True, slots=True)
class Record:
    """Nothing here is signed: it tells apart a partial mirror from a damaged one, and vouches for nothing."""

    index: str
    version: int
    projects: tuple[str, ...] | None
    withheld: tuple[str, ...]

    def to_bytes(self) -> bytes:
        return json.dumps(asdict(self), indent=2).encode()


def read_record(tree: MirrorTree) -> Record | None:
    """The record of the last complete run, if there is one; raises MirrorFolderError where it is damaged."""
    data = tree.read_record()
    if not data:
        return None
    try:
        said: Any = json.loads(data)  # Any: our own file, which anybody may have changed
        projects = None if said["projects"] is None else tuple(map(str, said["projects"]))
        return Record(str(said["index"]), int(said["version"]), projects, tuple(map(str, said["withheld"])))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise MirrorFolderError(
            "The record in the mirror's work folder `.indexsite-mirror` is damaged; remove record.json there, then "
            "mirror again."
        ) from error
