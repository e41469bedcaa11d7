"""A folder of files, each whole under its name or not there: written aside, synced in batches, then named."""

import contextlib
import fcntl
import gzip
import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import brotli

from storage.contract import blob_name, the_storage
from tufsigning.errors import StoreDamagedError, TrustError

_MARK, _ASIDE = ".indexsite-export", ".new"
_AT_ONCE = 500  # files in a batch
_CHUNK = 1024 * 1024
TWINS = (".gz", ".br")


class ExportRefusedError(TrustError):
    """This folder is not one to export into."""

    code = "export-refused"


class Tree:
    """The files of an export. Names are relative, with slashes. Nothing has its name before `flush`, or a full batch.

    Of a batch, what `put` and `take` wrote is named first, and pages, which point at it, after it is durable.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self._aside = folder, folder / _ASIDE
        self._pending: dict[str, Path] = {}
        self._pages: dict[str, Path] = {}
        self._count = self.written = 0

    def has(self, name: str, size: int | None = None) -> bool:
        """Whether the file is there, or about to be; `size` in bytes, where it is known."""
        if name in self._pending:
            return True
        try:
            found = os.stat(self.folder / name)
        except FileNotFoundError:
            return False
        return size in {None, found.st_size}

    def read(self, name: str) -> bytes | None:
        """The content of a file that has its name, None where there is none."""
        try:
            return (self.folder / name).read_bytes()
        except FileNotFoundError:
            return None

    def put(self, name: str, content: bytes, *, twins: bool = False) -> None:
        """Write a file that never changes, unless it is there; with its compressed twins."""
        wanted = self._twins(name, content) if twins else {}
        for each, data in {**wanted, name: content}.items():  # the plain one last: if it is there, so are they
            if not self.has(each, len(data)):
                self._pending[each] = self._write(data)
        self._flush_if_full()

    def put_page(self, name: str, content: bytes) -> None:
        """Write or replace a page and its compressed twins, unless it is what is there."""
        if self.read(name) == content:
            return
        for each, data in {**self._twins(name, content), name: content}.items():
            self._pages[each] = self._write(data)
        self._flush_if_full()

    def take(self, names: Sequence[str], sha256: str, *, size: int | None = None) -> None:
        """Give a blob of the store these names, by hard links where it can be, after a look at its bytes.

        Raises StoreDamagedError where they are missing or have another hash.
        """
        missing = [name for name in names if not self.has(name, size)]
        if missing:
            fetched = self._fetch(sha256)
            for name in missing[1:]:
                self._pending[name] = self._link(fetched)
            self._pending[missing[0]] = fetched
            self._flush_if_full()

    def remove(self, name: str) -> None:
        """Remove a file and its twins."""
        for each in (name, *(name + twin for twin in TWINS)):
            (self.folder / each).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # others are in it
            (self.folder / name).parent.rmdir()

    def replace(self, name: str, content: bytes) -> None:
        """Everything before is durable under its name when this file gets its own."""
        self.flush()
        self._pages[name] = self._write(content)
        self.flush()

    def flush(self) -> None:
        """Make the batch durable, and give it its names."""
        for batch in (self._pending, self._pages):
            _sync_all(list(batch.values()))
            changed = [self._name(temporary, name) for name, temporary in batch.items()]
            _sync_all(list(dict.fromkeys(chain.from_iterable(changed))))
            self.written += len(batch)
            batch.clear()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Make the folder ours, alone; what an export that was killed left aside is gone."""
        self.folder.mkdir(parents=True, exist_ok=True)
        mark = self.folder / _MARK
        if not mark.exists() and any(self.folder.iterdir()):
            raise ExportRefusedError(f"{self.folder} holds other things; choose a new or an empty folder.")
        with open(mark, "ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise ExportRefusedError(f"Another export into {self.folder} is under way.") from error
            shutil.rmtree(self._aside, ignore_errors=True)
            self._aside.mkdir()
            yield
            shutil.rmtree(self._aside)

    def _flush_if_full(self) -> None:
        if len(self._pending) + len(self._pages) >= _AT_ONCE:
            self.flush()

    def _name(self, temporary: Path, name: str) -> list[Path]:
        """Give the file its name; returns the folders of which the names changed."""
        path = self.folder / name
        missing = [folder for folder in path.parents if not folder.is_dir()]
        path.parent.mkdir(parents=True, exist_ok=True)
        os.replace(temporary, path)
        return [path.parent, *(folder.parent for folder in missing)]

    def _new(self) -> Path:
        self._count += 1
        return self._aside / str(self._count)

    def _write(self, content: bytes) -> Path:
        path = self._new()
        path.write_bytes(content)
        return path

    def _link(self, path: Path) -> Path:
        link = self._new()
        os.link(path, link)
        return link

    def _fetch(self, sha256: str) -> Path:
        """The blob as a file aside: a hard link where its store is a folder of this file system, else a copy."""
        name = blob_name(sha256)
        source, path, digest = the_storage().local(name), self._new(), hashlib.sha256()
        if source is not None:
            with contextlib.suppress(OSError):  # another file system, or one without links
                os.link(source, path)
        is_linked = path.exists()
        try:
            with the_storage().open(name) as blob, open(path, "rb" if is_linked else "wb") as file:
                while chunk := blob.read(_CHUNK):
                    digest.update(chunk)
                    if not is_linked:
                        file.write(chunk)
        except FileNotFoundError as error:
            raise StoreDamagedError(name, "is missing") from error
        if digest.hexdigest() != sha256:
            raise StoreDamagedError(name, "is not what was signed")
        return path

    def _twins(self, name: str, content: bytes) -> dict[str, bytes]:
        compressed = (gzip.compress(content, 6, mtime=0), brotli.compress(content, quality=5))
        return {f"{name}{ending}": data for ending, data in zip(TWINS, compressed, strict=True)}


_syncing = ThreadPoolExecutor(8, thread_name_prefix="export")  # its threads start when they are needed


def _sync_all(paths: Sequence[Path]) -> None:
    list(_syncing.map(_sync, paths))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
