"""The folder of a mirror: files that appear whole or not at all, under their addresses, and never outside of it.

Every folder on the way is opened without following symbolic links, so whatever lies in the tree already, nothing is
read or written elsewhere. What is being written lies in a work folder that no address reaches.
"""

import contextlib
import errno
import fcntl
import hashlib
import hmac
import itertools
import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from tuf.api.exceptions import LengthOrHashMismatchError

from indexsite_client.errors import MirrorFolderError
from indexsite_client.mirror.addresses import TOP_FOLDERS, split_address

WORK = ".indexsite-mirror"
_EXPORT = ".indexsite-export"  # the server's mark
_RECORD = "record.json"
_MAX_RECORD = 100_000_000
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a pipe that lies there must not block us
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_CHUNK = 1024 * 1024
_NOT_OURS = {errno.ELOOP, errno.ENOTDIR, errno.ENXIO}  # what opening a link, a file in a folder's place, a socket says
_NO_LINKS = {errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.EXDEV, errno.ENOSYS}


class MirrorTree:
    """Safe for many threads; one process writes at a time, see `writing`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count()

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Make the folder, hold it against other runs, and clear away what a broken run has left half written."""
        with self._speaking("."):
            self._folder.mkdir(parents=True, exist_ok=True)
            if os.path.lexists(self._folder / _EXPORT):
                raise MirrorFolderError(
                    f"{self._folder} is an export of the index itself, and its compressed files would go stale; "
                    "choose another folder."
                )
            with self._open_folder([WORK], create=True) as work:
                lock = os.open("lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644, dir_fd=work)
            with open(lock, "wb") as held:
                try:
                    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError as error:
                    raise MirrorFolderError(
                        f"Another run mirrors into {self._folder} now; wait until it has ended."
                    ) from error
                with self._incoming() as incoming:
                    for name in os.listdir(incoming):
                        os.unlink(name, dir_fd=incoming)
                yield

    def free_space(self) -> int:
        """Bytes that may still be written."""
        return shutil.disk_usage(self._folder).free

    def size(self, address: str) -> int | None:
        """The length of the regular file there; None for whatever else lies there, or nothing."""
        with self._opened(address) as descriptor:
            return None if descriptor is None else os.fstat(descriptor).st_size

    def read(self, address: str, max_length: int) -> bytes | None:
        """The whole file; None where there is none, or one longer than `max_length`."""
        with self._opened(address) as descriptor:
            if descriptor is None or os.fstat(descriptor).st_size > max_length:
                return None
            with open(descriptor, "rb", closefd=False) as file:
                data = file.read(max_length + 1)
            return data if len(data) <= max_length else None

    def sha256(self, address: str) -> str | None:
        """The hash of the file there; None where there is none."""
        with self._opened(address) as descriptor:
            if descriptor is None:
                return None
            with open(descriptor, "rb", closefd=False) as file:
                return hashlib.file_digest(file, "sha256").hexdigest()

    def put(self, address: str, data: bytes) -> None:
        """Write or replace a file whose bytes are verified already."""
        split_address(address)
        with self._speaking(address), self._written([data]) as (incoming, name):
            self._place(incoming, name, address)

    def read_record(self) -> bytes:
        """What the last complete run has noted for the next; empty where there is nothing."""
        with self._speaking(WORK), contextlib.ExitStack() as closing, contextlib.suppress(FileNotFoundError):
            work = closing.enter_context(self._open_folder([WORK], create=False))
            file = closing.enter_context(open(os.open(_RECORD, _READ, dir_fd=work), "rb"))
            return file.read(_MAX_RECORD)
        return b""

    def write_record(self, data: bytes) -> None:
        """Note this for the next run."""
        with (
            self._speaking(WORK),
            self._written([data]) as (incoming, name),
            self._open_folder([WORK], create=True) as work,
        ):
            os.replace(name, _RECORD, src_dir_fd=incoming, dst_dir_fd=work)

    def receive(self, address: str, chunks: Iterable[bytes], *, sha256: str, length: int | None = None) -> int:
        """Write what comes; it gets its name only if it has this hash and length. Returns its length.

        Raises LengthOrHashMismatchError otherwise. The caller bounds what comes.
        """
        split_address(address)
        hashing, received = hashlib.sha256(), 0

        def counted() -> Iterator[bytes]:
            nonlocal received
            for chunk in chunks:
                hashing.update(chunk)
                received += len(chunk)
                yield chunk

        with self._speaking(address), self._written(counted()) as (incoming, name):
            if not hmac.compare_digest(hashing.hexdigest(), sha256) or length not in {None, received}:
                raise LengthOrHashMismatchError(f"{address} has another sha256 or length")
            self._place(incoming, name, address)
        return received

    def link(self, source: str, address: str) -> None:
        """Give the same bytes a second address: by a hard link where the file system has them, else by a copy."""
        with self._speaking(address), self._incoming() as incoming, self._parent(source, create=False) as (folder, old):
            name = self._new_name()
            try:
                os.link(old, name, src_dir_fd=folder, dst_dir_fd=incoming, follow_symlinks=False)
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
                self._copy(folder, old, incoming, name)
            self._place(incoming, name, address)

    def is_linked(self, source: str, address: str) -> bool:
        """Whether both addresses lead to one and the same file."""
        with self._opened(source) as one, self._opened(address) as other:
            return one is not None and other is not None and os.path.sameopenfile(one, other)

    def remove(self, address: str) -> None:
        """Remove a file, or a link itself, never what it leads to; and its folder where it was the last there."""
        with self._speaking(address), self._parent(address, create=False) as (folder, name):
            os.unlink(name, dir_fd=folder)
        components = address.split("/")[:-1]
        with self._speaking(address), contextlib.suppress(OSError):
            while len(components) > 1:
                with self._open_folder(components[:-1], create=False) as above:
                    os.rmdir(components[-1], dir_fd=above)
                components.pop()

    def addresses(self) -> Iterator[str]:
        """Everything that lies in the folders of a mirror, but folders; strange names are not hidden."""
        for top in TOP_FOLDERS:
            yield from self._below([top])

    def _below(self, components: list[str]) -> Iterator[str]:
        """In the file system's own order: there may be millions, so they are never all in memory."""
        address = "/".join(components)
        try:
            with self._open_folder(components, create=False) as folder, os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        yield from self._below([*components, entry.name])
                    else:
                        yield f"{address}/{entry.name}"
        except FileNotFoundError:
            return
        except OSError:  # a link or a file in the place of a folder
            yield address

    def _new_name(self) -> str:
        return f"{os.getpid()}-{next(self._numbers)}"

    @contextlib.contextmanager
    def _written(self, chunks: Iterable[bytes]) -> Iterator[tuple[int, str]]:
        """A new durable file in the work folder, gone afterwards unless it was placed."""
        name = self._new_name()
        with self._incoming() as incoming:
            try:
                with open(os.open(name, _NEW, 0o644, dir_fd=incoming), "wb") as file:
                    for chunk in chunks:
                        file.write(chunk)
                    file.flush()
                    os.fsync(file.fileno())
                yield incoming, name
            finally:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=incoming)

    def _place(self, incoming: int, name: str, address: str) -> None:
        with self._parent(address, create=True) as (folder, final):
            os.replace(name, final, src_dir_fd=incoming, dst_dir_fd=folder)
        with contextlib.suppress(FileNotFoundError):  # renaming to a link of itself leaves both names
            os.unlink(name, dir_fd=incoming)

    @staticmethod
    def _copy(folder: int, old: str, incoming: int, name: str) -> None:
        with (
            open(os.open(old, _READ, dir_fd=folder), "rb") as source,
            open(os.open(name, _NEW, 0o644, dir_fd=incoming), "wb") as copy,
        ):
            shutil.copyfileobj(source, copy, _CHUNK)
            copy.flush()
            os.fsync(copy.fileno())

    def _incoming(self) -> "contextlib._GeneratorContextManager[int]":
        return self._open_folder([WORK, "incoming"], create=True)

    @contextlib.contextmanager
    def _opened(self, address: str) -> Iterator[int | None]:
        """The regular file there, open; None for whatever else lies there."""
        with self._speaking(address), contextlib.ExitStack() as closing:
            try:
                folder, name = closing.enter_context(self._parent(address, create=False))
                descriptor = os.open(name, _READ, dir_fd=folder)
            except FileNotFoundError:
                yield None
                return
            except OSError as error:
                if error.errno not in _NOT_OURS:
                    raise
                yield None
                return
            closing.callback(os.close, descriptor)
            yield descriptor if stat.S_ISREG(os.fstat(descriptor).st_mode) else None

    @contextlib.contextmanager
    def _parent(self, address: str, *, create: bool) -> Iterator[tuple[int, str]]:
        components = split_address(address)
        with self._open_folder(components[:-1], create=create) as folder:
            yield folder, components[-1]

    @contextlib.contextmanager
    def _open_folder(self, components: list[str], *, create: bool) -> Iterator[int]:
        descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for component in components:
                if create:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(component, 0o755, dir_fd=descriptor)
                below = os.open(component, _FOLDER, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = below
            yield descriptor
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def _speaking(self, address: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno in {errno.ELOOP, errno.ENOTDIR, errno.EISDIR}:
                fault = "a symbolic link or something else lies where a mirror has a folder or a file; move it away"
            elif error.errno in {errno.ENOSPC, errno.EDQUOT}:
                fault = "the disk is full; make room, then run the command again: what is there stays"
            else:
                fault = f"{error.strerror}; look at the folder's owner and mode"
            raise MirrorFolderError(f"{self._folder / address}: {fault}.") from error
