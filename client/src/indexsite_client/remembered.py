"""What is remembered of an index between sessions, borrowed into a folder of one session's own and given back.

Only root history, timestamp and snapshot are remembered. Delegated documents are not, so that each one that enters a
session comes through the fetcher and therefore through the shape guard.
"""

import json
import shutil
from pathlib import Path

from securesystemslib.exceptions import StorageError
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Timestamp
from tuf.api.serialization import DeserializationError

from indexsite_client.trusted import locked, write_atomically

_ROOTS = "root_history"
_MEMORY = ("snapshot.json", "timestamp.json")


def borrow(state: Path, session: Path) -> None:
    """Copy the memory into a session's folder, as one consistent set."""
    with locked(state):
        (session / _ROOTS).mkdir(exist_ok=True)
        for path in (state / _ROOTS).glob("*.root.json"):
            shutil.copyfile(path, session / _ROOTS / path.name)
        for name in _MEMORY:
            if (state / name).is_file():
                shutil.copyfile(state / name, session / name)


def give_back(session: Path, state: Path) -> None:
    """Remember what a successful refresh has verified, unless another process has remembered something newer.

    What the newest root's keys did not sign counts for nothing, however high its version: a thief of the key before
    may have written it, and our memory would be his for ever.
    """
    with locked(state):
        for path in (session / _ROOTS).glob("*.root.json"):
            write_atomically(state / _ROOTS / path.name, path.read_bytes())
        if _version(session / "timestamp.json") >= _trusted_version(state):
            for name in _MEMORY:
                write_atomically(state / name, (session / name).read_bytes())


def _trusted_version(state: Path) -> int:
    """The version of the remembered timestamp; 0 where the newest root that is remembered does not vouch for it."""
    numbers = [path.name.partition(".")[0] for path in (state / _ROOTS).glob("*.root.json")]
    if not numbers:
        return _version(state / "timestamp.json")
    try:
        newest = max(int(number) for number in numbers)
        root = Metadata[Root].from_file(str(state / _ROOTS / f"{newest}.root.json")).signed
        timestamp = Metadata[Timestamp].from_file(str(state / "timestamp.json"))
        root.verify_delegate(Timestamp.type, timestamp.signed_bytes, timestamp.signatures)
    except (OSError, ValueError, StorageError, RepositoryError, DeserializationError):
        return 0
    return int(timestamp.signed.version)


def _version(path: Path) -> int:
    """The version of a verified document; 0 where nothing readable is remembered."""
    try:
        return int(json.loads(path.read_bytes())["signed"]["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0
