"""The four top-level roles of an index, verified by python-tuf as any client would, and their very bytes."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from tuf.api.exceptions import DownloadHTTPError, UnsignedMetadataError
from tuf.api.metadata import Metadata, Root, Snapshot, Targets, Timestamp
from tuf.ngclient import Updater

from indexsite_client import remembered
from indexsite_client.boundary import speaking
from indexsite_client.documents import CONFIG, GuardedFetcher, Reader
from indexsite_client.guard import ShapeGuard
from indexsite_client.protocol import EXTENSION
from indexsite_client.trusted import TrustedIndex, cache_folder

_MAX_ROOT = 512_000
_MAX_DOCUMENT = 64_000_000  # whatever length a snapshot says


class BoundedReader:
    """A reader that never takes more into memory than any document of an index may have."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.stream = reader.stream

    def read(self, url: str, max_length: int) -> bytes:
        return self._reader.read(url, min(max_length, _MAX_DOCUMENT))


@dataclass(frozen=True, slots=True)
class TopLevel:
    """One verified state: every root from the first to the newest, and what timestamp leads to."""

    roots: dict[int, bytes]
    timestamp_bytes: bytes
    snapshot_bytes: bytes
    targets_bytes: bytes
    timestamp: Timestamp
    snapshot: Snapshot
    targets: Targets

    def documents(self) -> dict[str, bytes]:
        """The bytes by their names in a repository, but for timestamp.json and roots."""
        return {
            f"{self.snapshot.version}.snapshot.json": self.snapshot_bytes,
            f"{self.targets.version}.targets.json": self.targets_bytes,
        }


def read_top_level(index: TrustedIndex, reader: Reader, guard: ShapeGuard, *, is_mirror: bool = False) -> TopLevel:
    """Verify root, timestamp, snapshot and targets; raises ClientError where they do not verify.

    Of the index itself they must be no older than what is remembered, and are remembered then. A mirror may lag behind,
    but roots that we have seen bind it too, and no cache stands in for what it lacks.
    """
    with tempfile.TemporaryDirectory(prefix="indexsite-") as name:
        folder = Path(name, "session")
        folder.mkdir()
        remembered.borrow(index.state, folder)
        if is_mirror:
            for path in (folder / "timestamp.json", folder / "snapshot.json"):
                path.unlink(missing_ok=True)
        cache = Path(name, "documents") if is_mirror else cache_folder() / "documents" / index.cache_name
        fetcher = GuardedFetcher(BoundedReader(reader), guard, cache, pinned=index.root_version())
        try:
            found = _refresh(index, folder, fetcher)
        except BaseException:
            fetcher.forget()
            raise
        if not is_mirror:
            remembered.give_back(folder, index.state)
    found.roots.update(_older_roots(index, reader, found.roots))
    return found


def _refresh(index: TrustedIndex, folder: Path, fetcher: GuardedFetcher) -> TopLevel:
    with speaking(f"The metadata of {index.url}"):
        pinned = index.root_bytes()
        updater = Updater(str(folder), index.metadata_url, fetcher=fetcher, bootstrap=pinned, config=CONFIG)
        updater.refresh()
        return _collect(folder)


def _collect(folder: Path) -> TopLevel:
    """What the Updater has verified and left in its folder."""
    timestamp_bytes = (folder / "timestamp.json").read_bytes()
    snapshot_bytes, targets_bytes = (folder / "snapshot.json").read_bytes(), (folder / "targets.json").read_bytes()
    timestamp, snapshot = Metadata[Timestamp].from_bytes(timestamp_bytes), Metadata[Snapshot].from_bytes(snapshot_bytes)
    timestamp.signed.snapshot_meta.verify_length_and_hashes(snapshot_bytes)  # also of one that was remembered
    paths = (folder / "root_history").glob("*.root.json")
    return TopLevel(
        {int(path.name.partition(".")[0]): path.read_bytes() for path in paths},
        timestamp_bytes,
        snapshot_bytes,
        targets_bytes,
        timestamp.signed,
        snapshot.signed,
        Metadata[Targets].from_bytes(targets_bytes).signed,
    )


def _older_roots(index: TrustedIndex, reader: Reader, known: dict[int, bytes]) -> dict[int, bytes]:
    """The roots from before the pinned one, each of which must have signed the next, back to where their chain begins.

    Nobody's trust comes from these, the pinned root included: they are for clients that know only an older one. A
    ceremony that begins anew, as after a development one, begins a chain: whoever trusts what was before never follows.
    """
    older: dict[int, bytes] = {}
    newer = known[min(known)]
    for number in range(min(known) - 1, 0, -1):
        with speaking(f"Root {number} of {index.url}"):
            try:
                data = reader.read(f"{index.metadata_url}{number}.root.json", _MAX_ROOT)
            except DownloadHTTPError as error:
                if error.status_code == 404:  # an index may begin with a later root
                    return older
                raise
            root, following = Metadata[Root].from_bytes(data), Metadata[Root].from_bytes(newer)
            _check_root(root, index, number)
            try:
                root.signed.verify_delegate(Root.type, following.signed_bytes, following.signatures)
            except UnsignedMetadataError:
                return older
        older[number] = newer = data
    return older


def _check_root(root: Metadata[Root], index: TrustedIndex, number: int) -> None:
    """Raise RepositoryError or ValueError unless it is this index's root of that number, and signs itself."""
    root.signed.verify_delegate(Root.type, root.signed_bytes, root.signatures)
    if root.signed.version != number:
        raise ValueError("wrong version")
    said = root.signed.unrecognized_fields.get(EXTENSION)
    if not isinstance(said, dict) or said.get("index") != index.index_id:
        raise ValueError("it is another index's")
