"""Verifying clients of three projects with one face: python-tuf's, tuf-js and ours; each remembers in its folder."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tuf.api.exceptions import DownloadError, RepositoryError
from tuf.ngclient import Updater

from indexsite_client.errors import ClientError, ProjectNotFoundError
from indexsite_client.fetcher import Downloads
from indexsite_client.protocol import (
    EXTENSION,
    NormalizedName,
    ProjectPage,
    page_target_path,
    read_page,
)
from indexsite_client.session import VerifiedSession
from indexsite_client.trusted import TrustedIndex
from tests.databases import missing_part
from tests.running import CHECKOUT

_LOCK = CHECKOUT / "tests" / "locks" / "tuf-js"
_DRIVER = CHECKOUT / "tests" / "tuf_js.cjs"
_TOOLS = CHECKOUT / ".venv" / "tools"


class RefusedError(Exception):
    """A client that would not take what it was shown, in its own words."""


class NotListedError(RefusedError):
    """A client that trusts what it was shown, which has no such project or target."""


class TufClient(Protocol):
    """New with an empty folder, returning ever after; asks `url` anew for each act, and raises RefusedError."""

    url: str  # may be set to another address of the same index

    def refresh(self) -> None:
        """Verify root, timestamp, snapshot and targets."""

    def page(self, project: str) -> ProjectPage:
        """The project's page, verified as a target."""

    def download(self, path: str) -> bytes:
        """The bytes of a file's target `<project>/<filename>`."""


@dataclass
class PythonTuf:
    """The Updater of python-tuf, used as its documentation says."""

    url: str
    root: bytes
    folder: Path

    def refresh(self) -> None:
        with _speaking_tuf():
            self._updater().refresh()

    def page(self, project: str) -> ProjectPage:
        return read_page(self.download(page_target_path(NormalizedName(project))))

    def download(self, path: str) -> bytes:
        with _speaking_tuf():
            updater = self._updater()
            found = updater.get_targetinfo(path)
            if found is None:
                raise NotListedError(f"no role lists {path}")
            return Path(updater.download_target(found)).read_bytes()

    def _updater(self) -> Updater:
        metadata, targets = self.folder / "metadata", self.folder / "targets"
        for each in (metadata, targets):
            each.mkdir(parents=True, exist_ok=True)
        return Updater(
            metadata_dir=str(metadata),
            metadata_base_url=f"{self.url}/tuf/metadata/",
            target_dir=str(targets),
            target_base_url=f"{self.url}/tuf/targets/",
            bootstrap=self.root,
        )


@contextmanager
def _speaking_tuf() -> Iterator[None]:
    try:
        yield
    except (RepositoryError, DownloadError) as error:
        raise RefusedError(f"{type(error).__name__}: {error}") from error


@dataclass
class TufJs:
    """tuf-js as npm has it, in a Node process for each act."""

    url: str
    root: bytes
    folder: Path

    def __post_init__(self) -> None:
        if not (self.folder / "metadata" / "root.json").exists():
            for name in ("metadata", "targets"):
                (self.folder / name).mkdir(parents=True)
            (self.folder / "metadata" / "root.json").write_bytes(self.root)

    def refresh(self) -> None:
        self._run("refresh")

    def page(self, project: str) -> ProjectPage:
        return read_page(self.download(page_target_path(NormalizedName(project))))

    def download(self, path: str) -> bytes:
        said = self._run("download", path)
        if "missing" in said:
            raise NotListedError(f"no role lists {path}")
        return Path(said["downloaded"]).read_bytes()

    def _run(self, act: str, *path: str) -> Mapping[str, str]:
        command = ["node", str(_DRIVER), act, self.url, str(self.folder), *path]
        environment = {**os.environ, "NODE_PATH": str(tuf_js() / "node_modules")}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        said: Mapping[str, str] = json.loads(done.stdout)
        if "refused" in said:
            raise RefusedError(said["refused"])
        return said


@dataclass
class OurClient:
    """`indexsite_client` without its commands; it takes a page only by `page`."""

    url: str
    root: bytes
    folder: Path
    _said: Mapping[str, object] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "root.json").write_bytes(self.root)
        self._said = json.loads(self.root)["signed"][EXTENSION]

    def refresh(self) -> None:
        with self._session() as session:
            session.refresh()

    def page(self, project: str) -> ProjectPage:
        with self._session() as session:
            return session.page(NormalizedName(project))

    def download(self, path: str) -> bytes:
        project, _, filename = path.partition("/")
        with self._session() as session, session.file(NormalizedName(project), filename) as file:
            return file.read()

    @contextmanager
    def _session(self) -> Iterator[VerifiedSession]:
        index = TrustedIndex(self.url, str(self._said["index"]), self._said["development"] is True, self.folder)
        downloads = Downloads()
        session = VerifiedSession(index, downloads, cache=self.folder / "cache")
        try:
            yield session
        except ProjectNotFoundError as error:
            raise NotListedError(str(error)) from error
        except ClientError as error:
            raise RefusedError(str(error)) from error
        finally:
            session.close()
            downloads.close()


KINDS: Mapping[str, type[PythonTuf] | type[TufJs] | type[OurClient]] = {
    "python-tuf": PythonTuf,
    "tuf-js": TufJs,
    "indexsite": OurClient,
}


def new_clients(url: str, root: bytes, folder: Path) -> dict[str, TufClient]:
    """A new client of each kind, with these bytes of a root as all that it trusts."""
    return {name: kind(url, root, folder / name) for name, kind in KINDS.items()}


def tuf_js() -> Path:
    """The folder in which npm has installed tuf-js as locked; skips, or fails in CI, where it cannot."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        missing_part("Node.js and npm, in which tuf-js runs: apt-get install nodejs npm")
    digest = hashlib.sha256((_LOCK / "package-lock.json").read_bytes()).hexdigest()[:12]
    folder = _TOOLS / f"tuf-js-{digest}"
    _TOOLS.mkdir(parents=True, exist_ok=True)
    with open(_TOOLS / "tuf-js.busy", "w") as busy:
        fcntl.flock(busy, fcntl.LOCK_EX)  # several processes test at once
        if not (folder / "complete").exists():
            shutil.copytree(_LOCK, folder, dirs_exist_ok=True)
            command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
            if done.returncode != 0:
                missing_part(f"tuf-js from the package registry: {done.stderr[-500:]}")
            (folder / "complete").touch()
    return folder
