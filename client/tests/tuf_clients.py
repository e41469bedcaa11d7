"""Verifying clients as tests drive them, ours and python-tuf's own; each remembers what it saw in its folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from tuf.api.exceptions import DownloadError, RepositoryError
from tuf.ngclient import Updater

from indexsite_client.errors import ClientError
from indexsite_client.fetcher import Downloads
from indexsite_client.protocol import NormalizedName, ProjectPage, file_target_path, page_target_path, read_page
from indexsite_client.session import VerifiedSession
from indexsite_client.trusted import TrustedIndex


class RefusedError(Exception):
    """A client that would not take what it was shown, in its own words."""


class VerifyingClient(Protocol):
    """Refreshes before each answer; raises RefusedError."""

    def page(self, project: NormalizedName) -> ProjectPage: ...

    def file(self, project: NormalizedName, filename: str) -> bytes: ...


class OurClient:
    """`indexsite_client` without its commands."""

    def __init__(self, url: str, root: bytes, folder: Path) -> None:
        folder.mkdir(parents=True)
        (folder / "root.json").write_bytes(root)
        self._index = TrustedIndex(url, "test-index", False, folder)

    def page(self, project: NormalizedName) -> ProjectPage:
        with self._session() as session:
            return session.page(project)

    def file(self, project: NormalizedName, filename: str) -> bytes:
        with self._session() as session, session.file(project, filename) as file:
            return file.read()

    @contextmanager
    def _session(self) -> Iterator[VerifiedSession]:
        downloads = Downloads()
        session = VerifiedSession(self._index, downloads, cache=self._index.folder / "cache")
        try:
            yield session
        except ClientError as error:
            raise RefusedError(str(error)) from error
        finally:
            session.close()
            downloads.close()


class PythonTuf:
    """The Updater of python-tuf, used as its documentation says, which knows nothing of our shape."""

    def __init__(self, url: str, root: bytes, folder: Path) -> None:
        self._url, self._root, self._folder = url, root, folder
        for name in ("metadata", "targets"):
            (folder / name).mkdir(parents=True)

    def page(self, project: NormalizedName) -> ProjectPage:
        return read_page(self._target(page_target_path(project)))

    def file(self, project: NormalizedName, filename: str) -> bytes:
        return self._target(file_target_path(project, filename))

    def _target(self, path: str) -> bytes:
        try:
            updater = Updater(
                metadata_dir=str(self._folder / "metadata"),
                metadata_base_url=f"{self._url}/tuf/metadata/",
                target_dir=str(self._folder / "targets"),
                target_base_url=f"{self._url}/tuf/targets/",
                bootstrap=self._root,
            )
            info = updater.get_targetinfo(path)
            if info is None:
                raise RefusedError(f"no role lists {path}")
            return Path(updater.download_target(info)).read_bytes()
        except (RepositoryError, DownloadError) as error:
            raise RefusedError(f"{type(error).__name__}: {error}") from error
