"""A mirror made in this process, and what of it and of its work a test looks at."""

import http.server
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from indexsite_client.credentials import Token
from indexsite_client.fetcher import Downloads
from indexsite_client.mirror.fetching import Counts
from indexsite_client.mirror.mirroring import Wish, mirror_index
from indexsite_client.trusted import TrustedIndex


@contextmanager
def silent(_what: str, _total: int) -> Iterator[Callable[[int], None]]:
    yield lambda _amount: None


def mirrored(index: TrustedIndex, folder: Path, wish: Wish | None = None, *, token: Token | None = None) -> Counts:
    downloads = Downloads(token=token)
    try:
        return mirror_index(index, downloads, folder, wish or Wish(), silent)
    finally:
        downloads.close()


def tree(folder: Path) -> dict[str, bytes]:
    """Every file of the mirror's tree, by address."""
    found = [path for path in folder.rglob("*") if path.is_file() and ".indexsite-mirror" not in path.parts]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def everything(folder: Path) -> set[Path]:
    """Every path of a folder, but those of the client's cache."""
    return {path for path in folder.rglob("*") if "xdg-cache" not in path.parts}


class _Quiet(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_arguments: object) -> None:
        """Be quiet."""


@contextmanager
def plain_server(folder: Path) -> Iterator[str]:
    """Python's own web server over a folder; yields its URL."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=os.fspath(folder)))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
