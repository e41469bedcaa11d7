"""Several downloads at once, in order and never too far ahead; each verified before its file has a name."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from tuf.api.exceptions import DownloadHTTPError

from indexsite_client.boundary import noticing_gone, speaking
from indexsite_client.errors import AddressRefusedError, ClientError
from indexsite_client.fetcher import Downloads
from indexsite_client.mirror.addresses import metadata_address, url_path
from indexsite_client.mirror.contents import Expected
from indexsite_client.mirror.tree import MirrorTree

_MAX_UNSIGNED_LENGTH = 10_000_000  # of what is signed by its hash alone
_GONE = 410  # an administrator has taken the bytes away

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class WithheldError(ClientError):
    """The index vouches for a file and does not hand it out, or no file system can hold its name."""

    code = "withheld"


@dataclass
class Counts:
    """The work of a run, as its summary tells it."""

    version: int = 0  # of the snapshot
    documents: int = 0
    files: int = 0
    bytes: int = 0
    kept: int = 0
    pages: int = 0
    removed: int = 0
    surplus: int = 0
    withheld: list[str] = field(default_factory=list)


class Fetching:
    """Brings what is missing from the index into the tree."""

    def __init__(self, url: str, downloads: Downloads, tree: MirrorTree, *, jobs: int) -> None:
        self._url, self._downloads, self._tree, self._jobs = url, downloads, tree, jobs

    def in_order(self, act: Callable[[_Item], _Result], items: Iterable[_Item]) -> Generator[_Result]:
        """The results in the order of the items, which are read in this thread; nothing runs on after a failure."""
        pool = ThreadPoolExecutor(self._jobs, thread_name_prefix="mirror")
        running: deque[Future[_Result]] = deque()
        try:
            for item in items:
                running.append(pool.submit(act, item))
                if len(running) > 2 * self._jobs:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def document(self, wanted: tuple[str, int]) -> tuple[bytes | ClientError, bool]:
        """A document, not verified yet, and whether it had to be fetched."""
        name, max_length = wanted
        try:
            if kept := self._tree.read(metadata_address(name), max_length):
                return kept, False
            with noticing_gone(), speaking(f"The document {name}"):
                return self._downloads.read(f"{self._url}/{url_path(metadata_address(name))}", max_length), True
        except ClientError as error:
            return error, True

    def file(self, wanted: Expected) -> tuple[Expected, int | None]:
        """Bring a file into the tree; its length, or None where it is withheld."""
        try:
            return wanted, self._receive(wanted)
        except (WithheldError, AddressRefusedError):
            return wanted, None

    def signed_bytes(self, wanted: Expected) -> tuple[bytes, bool]:
        """Bring a small file into the tree unless its right bytes are there; its bytes, and whether it was fetched."""
        bound = wanted.length if wanted.length is not None else _MAX_UNSIGNED_LENGTH
        is_missing = self._tree.sha256(wanted.address) != wanted.sha256
        if is_missing:
            self._receive(wanted)
        return self._tree.read(wanted.address, bound) or b"", is_missing

    def _receive(self, wanted: Expected) -> int:
        url = f"{self._url}/{url_path(wanted.address)}"
        bound = wanted.length if wanted.length is not None else _MAX_UNSIGNED_LENGTH
        with noticing_gone(), speaking(wanted.address):
            try:
                chunks = self._downloads.stream(url, bound)
                return self._tree.receive(wanted.address, chunks, sha256=wanted.sha256, length=wanted.length)
            except DownloadHTTPError as error:
                if error.status_code == _GONE:
                    raise WithheldError(f"{wanted.address} is withheld by the index.") from error
                raise
