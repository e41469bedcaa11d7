"""Load: eight clients upload 2,000 files while eight read. Nothing is lost, listed unsigned, or answered 5xx."""

import hashlib
import itertools
import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tuf.api.exceptions import DownloadHTTPError, RepositoryError

from bench.soak.verdict import bad_lines
from tests.distributions import wheel
from tests.running import SIMPLE_JSON, RunningIndex, eventually
from tests.scaled import ScaledIndex
from tests.watching import new_updater

CLIENTS = 8
PROJECTS = [f"load{number:03}" for number in range(100)]
FILES = [(project, f"1.{number}") for number in range(20) for project in PROJECTS]


class Readers:
    """Clients that look at projects by chance until they are told to end: half of them plainly, half verifying."""

    def __init__(self, index: RunningIndex, folder: Path) -> None:
        ports = index.ports if isinstance(index, ScaledIndex) else [index.port]
        faces = [RunningIndex(index.data, port) for port in ports]
        self._faces = list(itertools.islice(itertools.cycle(faces), CLIENTS))
        self._folder, self._root = folder, index.root()
        self._stop = threading.Event()
        self.wrong: list[str] = []
        self.listed = [0] * CLIENTS  # files that each reader has seen and checked

    def __enter__(self) -> "Readers":
        self._pool = ThreadPoolExecutor(CLIENTS)
        for number in range(CLIENTS):
            self._pool.submit(self._run, number, self._verify if number % 2 else self._read)
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._pool.shutdown()

    def have_looked(self) -> bool:
        return all(self.listed)

    def _run(self, number: int, look: Callable[[int, str], int]) -> None:
        choice = random.Random(number)
        while not self._stop.wait(0.02):
            try:
                self.listed[number] += look(number, choice.choice(PROJECTS))
            except (AssertionError, DownloadHTTPError, RepositoryError, OSError, ValueError) as error:
                self.wrong.append(f"reader {number}: {type(error).__name__}: {error}")

    def _page(self, number: int, project: str) -> dict[str, str]:
        """The files of a page by SHA-256; none where nothing of the project is published yet."""
        reply = self._faces[number].get(f"/simple/{project}/", Accept=SIMPLE_JSON)
        assert reply.status in {200, 404}, f"{reply.status} for the page of {project}: {reply.text}"
        files = reply.json()["files"] if reply.status == 200 else []
        return {file["filename"]: file["hashes"]["sha256"] for file in files}

    def _read(self, number: int, project: str) -> int:
        """As pip does: a page, and the bytes and metadata of one of its files. And a page for people."""
        files = self._page(number, project)
        for filename, sha256 in list(files.items())[-1:]:
            path = f"/files/{sha256}/{filename}"
            replies = [self._faces[number].get(each) for each in (path, f"{path}.metadata", f"/project/{project}/")]
            assert [reply.status for reply in replies] == [200, 200, 200], path
            assert hashlib.sha256(replies[0].body).hexdigest() == sha256, f"{filename} is not what its page says"
        return len(files)

    def _verify(self, number: int, project: str) -> int:
        """Whatever a page lists is in the signed metadata that are there afterwards, with the same hash."""
        files = self._page(number, project)
        updater = new_updater(self._faces[number], self._folder / str(number), self._root)
        updater.refresh()
        for filename, sha256 in files.items():
            target = updater.get_targetinfo(f"{project}/{filename}")
            assert target is not None, f"{filename} is listed unsigned"
            assert target.hashes == {"sha256": sha256}, f"{filename} is signed with another hash"
        return len(files)


def test_eight_clients_upload_2000_files_while_eight_read(each_mode: RunningIndex, tmp_path: Path) -> None:
    index, token = each_mode, each_mode.token()
    uploaded = {project: dict[str, str]() for project in PROJECTS}
    refused: list[str] = []

    def upload(item: tuple[str, str]) -> None:
        filename, content = wheel(*item)
        reply = index.post_upload(filename, content, token=token)
        if reply.status != 200:
            refused.append(f"{filename}: {reply.status} {reply.text}")
        uploaded[item[0]][filename] = hashlib.sha256(content).hexdigest()

    with Readers(index, tmp_path) as readers:
        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(upload, FILES))
        index.wait_until_settled()
        eventually(readers.have_looked, within=120, what="a look of each reader")
    assert refused == []
    assert readers.wrong == []
    assert sum(map(len, uploaded.values())) == len(FILES) == 2000
    for project, files in uploaded.items():
        index.wait_until_listed(project, *files)
        assert {file["filename"]: file["hashes"]["sha256"] for file in index.page(project)["files"]} == files
    assert_signed_and_readable(index, tmp_path / "afterwards", uploaded)
    assert bad_lines(index.log.read_text().splitlines()) == []
    assert "The journal is whole" in index.manage("journal_verify")


def assert_signed_and_readable(index: RunningIndex, folder: Path, uploaded: dict[str, dict[str, str]]) -> None:
    """A new client finds every file signed, and every byte is there."""
    updater = new_updater(index, folder, index.root())
    targets = {
        (project, filename): updater.get_targetinfo(f"{project}/{filename}")
        for project, files in uploaded.items()
        for filename in files
    }
    assert {key: target.hashes["sha256"] if target else None for key, target in targets.items()} == {
        (project, filename): sha256 for project, files in uploaded.items() for filename, sha256 in files.items()
    }

    def digest(key: tuple[str, str]) -> str:
        project, filename = key
        reply = index.get(f"/tuf/targets/{project}/{uploaded[project][filename]}.{filename}")
        return hashlib.sha256(reply.body).hexdigest() if reply.status == 200 else str(reply.status)

    with ThreadPoolExecutor(CLIENTS) as pool:
        found = dict(zip(targets, pool.map(digest, targets), strict=True))
    assert found == {key: uploaded[key[0]][key[1]] for key in targets}


@pytest.mark.parametrize("line", ["level=error event=x", "Traceback (most recent call last):"])
def test_the_log_is_searched_for_errors(line: str) -> None:
    assert bad_lines([line]) == [line]
