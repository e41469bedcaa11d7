"""Blobs and documents in a folder: every write is on the disk, file and folder, before it is told."""

import contextlib
import fcntl
import hmac
import os
import tempfile
from collections.abc import Hashable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from django.core.files.storage import FileSystemStorage

from storage.contract import ReplacedMeanwhileError, Source, StoredFile, Watch, disk_faults_named

_DOOMED = ".doomed-"
_syncing = ThreadPoolExecutor(8, thread_name_prefix="sync")  # its threads start when they are needed


class DurableFileSystemStorage(FileSystemStorage):
    """Django's file system storage with the verbs of `storage.contract.DurableStorage`.

    A name is written once and never changed (`write`), but for those given to `replace`.
    """

    def incoming_folder(self) -> Path:
        """Where uploads are received: on the file system of the blobs, so that one is taken over by a rename."""
        folder = Path(self.location) / "incoming"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def local(self, name: str) -> Path | None:
        """The file itself, for hard links: what lies under a name is never changed in place."""
        return Path(self.path(name))

    def write(self, files: Mapping[str, Source]) -> None:
        """Write all these files durably: their bytes, and the folders that name them. Received ones are moved."""
        with disk_faults_named(self.location):
            targets = [self._write_one(name, content) for name, content in files.items()]
            _sync({*targets, *(target.parent for target in targets)})

    def replace(self, name: str, content: bytes, *, expected: bytes | None) -> None:
        """Put `content` in the place of `expected` (None: nothing yet), atomically and durably.

        Raises ReplacedMeanwhileError, and changes nothing, where the name holds something else by now.
        """
        target = self._prepare(name)
        with disk_faults_named(self.location), _locked(target.parent / ".lock"):
            current = target.read_bytes() if target.exists() else None
            if not _same(current, expected):
                raise ReplacedMeanwhileError(name)
            temporary = Path(self._write_temporary(target.parent, content))
            _sync([temporary])
            os.replace(temporary, target)
            _sync([target.parent])

    def stored(self, folder: str) -> Iterator[StoredFile]:
        """Everything below a folder, what a crash left half written too (`.new-…`); a folder's names are read at once.

        What a removal that was killed had taken aside lies under its name again first.
        """
        top = Path(self.path(folder))
        for parent, _, names in os.walk(top):
            for name in names:
                path = Path(parent) / (_give_back(Path(parent) / name) if name.startswith(_DOOMED) else name)
                with contextlib.suppress(FileNotFoundError):  # gone meanwhile
                    found = path.stat()
                    written_at = datetime.fromtimestamp(found.st_mtime, UTC)
                    yield StoredFile(str(path.relative_to(self.location)), found.st_size, written_at)

    def remove(self, names: Iterable[str], *, written_before: datetime) -> set[str]:
        """Remove these but for those that were written since, even while this runs; returns what is gone."""
        gone = set()
        for name in names:
            path = Path(self.path(name))
            aside = path.with_name(f"{_DOOMED}{path.name}")
            try:
                os.rename(path, aside)  # from here on, whoever writes the name writes another file
            except FileNotFoundError:
                continue
            if aside.stat().st_mtime >= written_before.timestamp():
                _give_back(aside)
            else:
                os.unlink(aside)
                gone.add(name)
        return gone

    def watch(self, name: str) -> Watch:
        """One stat tells whether the content is still the same."""
        path, stat = self.path(name), os.stat

        def look(*, fresh: bool = False) -> Hashable:
            found = stat(path)
            return found.st_ino, found.st_mtime_ns, found.st_size

        return look

    def check(self) -> None:
        """Local folders do what is relied on; that ours can be written is checked with the data folder."""

    def _write_one(self, name: str, source: Source) -> Path:
        target = self._prepare(name)
        if isinstance(source, Path):
            os.chmod(source, 0o644)  # the store's folder says who may read
            _give_name(source, target)
        else:
            _give_name(Path(self._write_temporary(target.parent, source)), target)
        return target

    def _write_temporary(self, folder: Path, content: bytes) -> str:
        descriptor, path = tempfile.mkstemp(prefix=".new-", dir=folder)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            os.chmod(path, 0o644)
        except OSError:  # what is half written must not keep a full disk full
            os.unlink(path)
            raise
        return path

    def _prepare(self, name: str) -> Path:
        """The path of a name, its folders made; a folder that is new is made durable in its parent."""
        target = Path(self.path(name))
        if not target.parent.is_dir():
            missing = [folder for folder in [target.parent, *target.parent.parents] if not folder.is_dir()]
            target.parent.mkdir(parents=True, exist_ok=True)
            _sync(folder.parent for folder in reversed(missing))
        return target


def _give_back(aside: Path) -> str:
    """Let what was taken aside have its name again, unless it was written anew meanwhile; returns the name."""
    name = aside.name.removeprefix(_DOOMED)
    with contextlib.suppress(FileNotFoundError):  # somebody else was quicker
        with contextlib.suppress(FileExistsError):
            os.link(aside, aside.with_name(name))
        os.unlink(aside)
    return name


def _same(current: bytes | None, expected: bytes | None) -> bool:
    if current is None or expected is None:
        return current is expected
    return hmac.compare_digest(current, expected)


def _give_name(written: Path, target: Path) -> None:
    """Move a file to its name. Nobody is told of it before its bytes and its name are synced, so that comes after,
    for both at once. A name that may have been told of must at no moment hold bytes that are not durable.
    """
    try:
        os.link(written, target)
        os.unlink(written)
    except OSError:  # it is taken, or there are no hard links on this file system
        _sync_one(written)
        os.replace(written, target)


def _sync(paths: Iterable[Path]) -> None:
    """Make the bytes of these files, or the names in these folders, durable: several at once, for it is waiting."""
    pending = list(paths)
    if len(pending) > 1:
        list(_syncing.map(_sync_one, pending))
    else:
        for path in pending:
            _sync_one(path)


def _sync_one(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with open(path, "ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
