"""The pinned indexes on disk: one folder each, with its root, what was last seen of it, and its token."""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs

from indexsite_client.credentials import Token, check_may_send, load_token, split_index_url
from indexsite_client.errors import NotTrustedError

_APPLICATION = "indexsite"
_REPLACED = ".replaced-"


@dataclass(frozen=True, slots=True)
class TrustedIndex:
    """An index whose root the user has pinned. `url` has no userinfo and no trailing slash."""

    url: str
    index_id: str
    development: bool
    folder: Path

    @property
    def metadata_url(self) -> str:
        return f"{self.url}/tuf/metadata/"

    @property
    def targets_url(self) -> str:
        return f"{self.url}/tuf/targets/"

    @property
    def simple_url(self) -> str:
        return f"{self.url}/simple/"

    @property
    def cache_name(self) -> str:
        return folder_of(self.url).name

    @property
    def state(self) -> Path:
        """Root history, timestamp and snapshot as last verified: what makes a rollback visible."""
        return self.folder / "state"

    def root_bytes(self) -> bytes:
        return (self.folder / "root.json").read_bytes()

    def root_version(self) -> int:
        """Of the pinned root; 0 where it cannot be read, which the Updater then says."""
        try:
            return int(json.loads(self.root_bytes())["signed"]["version"])
        except (ValueError, KeyError, TypeError):
            return 0

    def token(self, environment_token: Token | None) -> Token | None:
        """The token to read with: the environment's before the stored one; raises UsageError over plain http."""
        token = environment_token or load_token(self.folder / "token")
        check_may_send(token, self.url)
        return token


def data_folder() -> Path:
    """Where pinned indexes live (XDG_DATA_HOME)."""
    return Path(platformdirs.user_data_dir(_APPLICATION, appauthor=False))


def cache_folder() -> Path:
    """Where files and documents are kept that can be fetched again (XDG_CACHE_HOME)."""
    return Path(platformdirs.user_cache_dir(_APPLICATION, appauthor=False))


def folder_of(url: str) -> Path:
    """Where the index with this URL is pinned; the name is for people, the digest makes it unique."""
    host = urlsplit(url).hostname or "index"
    return data_folder() / "indexes" / f"{host.replace(':', '-')}-{hashlib.sha256(url.encode()).hexdigest()[:12]}"


def load_index(folder: Path) -> TrustedIndex:
    """The index pinned in this folder; raises NotTrustedError where its record is damaged."""
    try:
        record = json.loads((folder / "index.json").read_bytes())
        return TrustedIndex(record["url"], record["index"], record["development"] is True, folder)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NotTrustedError(
            f"The record of a trusted index in {folder} is damaged; run `indexsite trust` again."
        ) from error


def trusted_indexes() -> list[TrustedIndex]:
    """Every pinned index."""
    folder = data_folder() / "indexes"
    if not folder.is_dir():
        return []
    with locked(folder):
        finish_replacements(folder)
        return [load_index(record.parent) for record in sorted(folder.glob("[!.]*/index.json"))]


def replace_pin(fresh: Path, final: Path) -> None:
    """Put a folder in the place of a pinned one; a crash leaves the old or the new one. The parent is locked."""
    finish_replacements(final.parent)
    if final.exists():
        final.rename(final.with_name(_REPLACED + final.name))
    fresh.rename(final)
    _sync(final.parent)
    finish_replacements(final.parent)


def finish_replacements(folder: Path) -> None:
    """End what a crash of `replace_pin` has left: without a new pin the old one comes back. The folder is locked."""
    for old in folder.glob(f"{_REPLACED}*"):
        final = old.with_name(old.name.removeprefix(_REPLACED))
        if final.exists():
            shutil.rmtree(old)
        else:
            old.rename(final)


def choose_index(url: str | None) -> TrustedIndex:
    """The trusted index of this URL, or the only one there is."""
    indexes = trusted_indexes()
    if url is not None:
        wanted, _token = split_index_url(url)
        indexes = [index for index in indexes if index.url == wanted]
        if not indexes:
            raise NotTrustedError(
                f"{wanted} is not trusted here; run `indexsite trust {wanted}/ --fingerprint ...` first."
            )
    if not indexes:
        raise NotTrustedError("No index is trusted yet; run `indexsite trust URL --fingerprint SHA256` first.")
    if len(indexes) > 1:
        listed = ", ".join(index.url for index in indexes)
        raise NotTrustedError(f"Several indexes are trusted ({listed}); choose one with `--index URL`.")
    return indexes[0]


def make_private(folder: Path) -> None:
    """Make a folder and what is missing above it, open to the user alone."""
    for each in reversed([folder, *folder.parents]):
        if not each.is_dir():
            each.mkdir(mode=0o700, exist_ok=True)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_atomically(path: Path, data: bytes) -> None:
    """Replace a file as a whole: a crash leaves the old or the new one."""
    make_private(path.parent)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock against other processes; never held while the network is awaited."""
    make_private(folder)
    with open(folder / ".lock", "wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
