"""kill -9 at each step of the move to a real ceremony: the old index stays, or the next start finishes the new one."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tuf.api.exceptions import DownloadHTTPError, RepositoryError
from tuf.ngclient import FetcherInterface, Updater

from tests.backups import run
from tests.ceremonies import Ceremony, write_documents, write_online_key
from tests.running import RunningIndex, free_port
from tufsigning.core.documents import read_signed

# The first commit keeps the documents and the wish to publish them; the third claims versions, the fourth keeps what
# was signed, the fifth says that it is visible. Documents are written before the check, the root just before the
# timestamp.
BEFORE = ["database.commit:before#1"]
AFTER = [
    "database.commit:after#1",
    "storage.write:half#1",
    "storage.write:after#1",
    "storage.write:after#2",
    "storage.replace:half",
    "storage.replace:after",
    "database.commit:before#4",
]


class FolderFetcher(FetcherInterface):
    """Reads the store as a web server would give it out."""

    def __init__(self, store: Path) -> None:
        self._metadata = store / "metadata"

    def _fetch(self, url: str) -> Iterator[bytes]:
        path = self._metadata / Path(urlsplit(url).path).name
        if not path.exists():
            raise DownloadHTTPError("404", 404)
        yield path.read_bytes()


def is_followed(index: RunningIndex, root: bytes, folder: Path) -> bool:
    """Whether python-tuf's client with this root comes down to a bin."""
    folder.mkdir(parents=True)
    fetcher = FolderFetcher(index.data / "store")
    updater = Updater(str(folder), "http://index/tuf/metadata/", str(folder), "http://index/", fetcher, bootstrap=root)
    try:
        updater.refresh()
        return updater.get_targetinfo("demo/index.json") is None
    except RepositoryError:
        return False


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a development index, and a finished ceremony beside it."""
    folder = tmp_path_factory.mktemp("move")
    index = RunningIndex(folder / "data", free_port(), {"INDEXSITE_BINS": "4"})
    index.manage("prepare")
    online = write_online_key(folder / "online.pem")
    root = read_signed((index.data / "store" / "metadata" / "1.root.json").read_bytes())
    ceremony = Ceremony((online.public_key,), index_id=root["x-indexsite"]["index"])
    write_documents(folder / "ceremony", ceremony.all(root=2, others=2))
    return folder


@pytest.mark.parametrize("step", [*BEFORE, *AFTER])
def test_a_move_that_is_killed_leaves_the_old_index_or_is_finished_by_the_next_start(
    template: Path, tmp_path: Path, step: str
) -> None:
    shutil.copytree(template / "data", tmp_path / "data")
    online = {"INDEXSITE_ONLINE_KEY": f"file:{template / 'online.pem'}"}
    index = RunningIndex(tmp_path / "data", free_port(), {"INDEXSITE_BINS": "4", **online})
    old, new = (
        path.read_bytes()
        for path in (index.data / "store/metadata/1.root.json", template / "ceremony/metadata/2.root.json")
    )
    crash = {"CRASH_AT": step, "CRASH_IN": "tuf_init", "CRASH_MARK": str(tmp_path / "crashed")}
    settings = {"DJANGO_SETTINGS_MODULE": "tests.settings_crashing"}
    killed = run(index, "tuf_init", template / "ceremony", **crash, **settings)
    assert killed.returncode == -9, killed.stderr
    assert (tmp_path / "crashed").exists()
    if step in BEFORE:
        assert is_followed(index, old, tmp_path / "old-then")
    else:
        index.manage("prepare")
        assert is_followed(index, new, tmp_path / "new-then")
    done = run(index, "tuf_init", template / "ceremony", "--delete-development-keys")
    assert done.returncode == 0, done.stderr
    assert is_followed(index, new, tmp_path / "new")
    assert not is_followed(index, old, tmp_path / "old")
    assert not list((index.data / "keys" / "offline").glob("*.pem"))
    assert not (index.data / "keys" / "online.pem").exists()
