"""Clients that look all the while: python-tuf from nothing, python-tuf with a memory, and plain reading."""

import hashlib
import json
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urljoin

from tuf.api.exceptions import DownloadError, DownloadHTTPError, RepositoryError
from tuf.ngclient import FetcherInterface, Updater

from tests.running import SIMPLE_JSON, RunningIndex, ask, eventually

PAUSE = 0.2  # seconds between looks, so that the index has the processor too


class PlainFetcher(FetcherInterface):
    """Fetches over the tests' own HTTP; a status other than 200 is an error with that status."""

    def _fetch(self, url: str) -> Iterator[bytes]:
        reply = ask(url)
        if reply.status != 200:
            raise DownloadHTTPError(f"{reply.status} for {url}", reply.status)
        yield reply.body


def new_updater(index: RunningIndex, folder: Path, root: bytes) -> Updater:
    """python-tuf's client, with its memory in a folder and trust in these bytes of 1.root.json."""
    folder.mkdir(parents=True, exist_ok=True)
    return Updater(
        metadata_dir=str(folder),
        metadata_base_url=f"{index.url}/tuf/metadata/",
        target_base_url=f"{index.url}/tuf/targets/",
        target_dir=str(folder),
        fetcher=PlainFetcher(),
        bootstrap=root,
    )


def verified_files(updater: Updater, project: str) -> dict[str, str]:
    """Every file of a project's page by SHA-256, the page and each file fetched and verified; {} without a page."""
    target = updater.get_targetinfo(f"{project}/index.json")
    if target is None:
        return {}
    page = json.loads(Path(updater.download_target(target)).read_bytes())
    found = {}
    for file in page["files"]:
        entry = updater.get_targetinfo(f"{project}/{file['filename']}")
        assert entry is not None, f"{file['filename']} is listed and no target"
        assert entry.hashes == {"sha256": file["hashes"]["sha256"]}, f"{file['filename']}: page and target differ"
        updater.download_target(entry)
        found[file["filename"]] = entry.hashes["sha256"]
    return found


def readable_files(index: RunningIndex, project: str) -> dict[str, str]:
    """Every file of a project's page by SHA-256 as plain installers read them, metadata file included."""
    address = f"{index.url}/simple/{project}/"
    reply = ask(address, headers={"Accept": SIMPLE_JSON})
    if reply.status == 404:
        return {}
    assert reply.status == 200, f"{reply.status} for {address}: {reply.body!r}"
    found = {}
    for file in reply.json()["files"]:
        url, wanted = urljoin(address, file["url"]), file["hashes"]["sha256"]
        assert _sha256_of(url) == wanted, f"{file['filename']} is not what its page says"
        if file.get("core-metadata"):
            assert _sha256_of(f"{url}.metadata") == file["core-metadata"]["sha256"], f"{file['filename']}.metadata"
        found[file["filename"]] = wanted
    return found


class Watchers:
    """Three threads that look until they are told to end; `wrong` says what they saw that must not be."""

    def __init__(self, index: RunningIndex, *projects: str, busy_is_well: bool = False) -> None:
        self._busy_is_well = busy_is_well  # where the index may answer 503 for what it cannot read
        self._index, self._root, self._projects = index, index.root(), list(projects)
        self._stop = threading.Event()
        self._folder = tempfile.TemporaryDirectory()
        self._seen: dict[tuple[str, str], set[str]] = {}
        self.wrong: list[str] = []
        self.looks = {"new": 0, "returning": 0, "plain": 0}

    def __enter__(self) -> "Watchers":
        looks: dict[str, Callable[[str], dict[str, str]]] = {
            "new": self._look_as_new,
            "returning": self._look_as_returning,
            "plain": lambda project: readable_files(self._index, project),
        }
        self._threads = [threading.Thread(target=self._run, args=item) for item in looks.items()]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._folder.cleanup()

    def watch(self, project: str) -> None:
        """Look at this project too."""
        self._projects.append(project)

    def look_once_more(self) -> None:
        """Until every client has looked again, from the beginning to the end of a look."""
        before = dict(self.looks)
        eventually(lambda: all(self.looks[kind] >= before[kind] + 2 for kind in before), what=f"looks after {before}")

    def assert_all_was_well(self) -> None:
        """Every kind of client looked, and none saw an invalid or mixed state, or a file disappear."""
        assert not self.wrong, "\n".join(self.wrong[:10])
        assert all(self.looks.values()), self.looks

    def _run(self, kind: str, look: Callable[[str], dict[str, str]]) -> None:
        while not self._stop.wait(PAUSE):
            for project in list(self._projects):
                try:
                    files = look(project)
                except (DownloadHTTPError, AssertionError) as error:
                    if self._busy_is_well and str(error).startswith("503 for "):
                        continue
                    self.wrong.append(f"{kind}: {error}")
                except (DownloadError, OSError):
                    continue  # nobody answers at the moment: the index is down, which is no invalid state
                except (RepositoryError, ValueError) as error:
                    self.wrong.append(f"{kind}: {type(error).__name__}: {error}")
                else:
                    self.looks[kind] += 1
                    self._compare(kind, project, set(files))

    def _compare(self, kind: str, project: str, files: set[str]) -> None:
        before = self._seen.setdefault((kind, project), set())
        if lost := before - files:
            self.wrong.append(f"{kind}: {project} no longer has {sorted(lost)}")
        before |= files

    def _look_as_new(self, project: str) -> dict[str, str]:
        with tempfile.TemporaryDirectory(dir=self._folder.name) as folder:
            return verified_files(new_updater(self._index, Path(folder), self._root), project)

    def _look_as_returning(self, project: str) -> dict[str, str]:
        return verified_files(new_updater(self._index, Path(self._folder.name) / "memory", self._root), project)


def _sha256_of(url: str) -> str:
    reply = ask(url)
    assert reply.status == 200, f"{reply.status} for {url}"
    return hashlib.sha256(reply.body).hexdigest()
