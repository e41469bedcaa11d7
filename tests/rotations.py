"""An index with a real ceremony whose clients look after each write of a file, and keys that replace its own."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.utils import timezone
from pydantic import SecretStr
from pytest_django import Settings
from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient import FetcherInterface, Updater

from indexsite_client.protocol import ROOT, TARGETS, UNCLAIMED
from storage.filesystem import DurableFileSystemStorage
from tests.ceremonies import Ceremony, write_online_key
from tests.signing import add_file, signed_index
from tufsigning.core.canonical import read_object
from tufsigning.core.offline import OfflineDocuments, read_documents
from tufsigning.core.publication import is_bin
from tufsigning.importing import finish_import, take_documents
from tufsigning.library import Library
from tufsigning.publisher import Publisher
from tufsigning.replacing import Replacement


class WatchedStorage(DurableFileSystemStorage):
    """Lets clients look after each file that is written."""

    look: Callable[[], None] | None = None

    def _write_one(self, name: str, source: bytes | Path) -> Path:
        target = super()._write_one(name, source)
        type(self)._looked()
        return target

    def replace(self, name: str, content: bytes, *, expected: bytes | None) -> None:
        """Replace it, and look."""
        super().replace(name, content, expected=expected)
        type(self)._looked()

    @classmethod
    def _looked(cls) -> None:
        if cls.look is not None:
            cls.look()


@dataclass
class LateFetcher(FetcherInterface):
    """Reads the store as a web server would give it out, but knows no root beyond one version: it asked before."""

    store: Path
    newest_root: int

    def _fetch(self, url: str) -> Iterator[bytes]:
        name = Path(urlsplit(url).path).name
        path = self.store / "metadata" / name
        if not path.exists() or (name.endswith(".root.json") and int(name.partition(".")[0]) > self.newest_root):
            raise DownloadHTTPError("404", 404)
        yield path.read_bytes()


@dataclass
class Clients:
    """python-tuf's clients that pin root 2: new ones, one that remembers, and ones that asked for roots a step ago."""

    folder: Path
    path: str = "demo/index.json"
    looks: int = 0
    known_root: int = 2  # what those know that asked before the step that is under way
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(10**6)))

    def look(self) -> None:
        """All of them; raises what they refuse for."""
        self.looks += 1
        for name, newest in (("returning", 10**6), ("new", 10**6), ("late", self.known_root)):
            home = self.folder / ("returning" if name == "returning" else f"{name}-{next(self.numbers)}")
            home.mkdir(parents=True, exist_ok=True)
            fetcher = LateFetcher(self.folder.parent / "store", newest)
            root = (self.folder.parent / "store/metadata/2.root.json").read_bytes()
            updater = Updater(str(home), "http://x/", str(home), "http://x/", fetcher, bootstrap=root)
            assert updater.get_targetinfo(self.path), name


@dataclass
class Index:
    """After its move to a real ceremony, with a published project and clients that look."""

    ceremony: Ceremony
    clients: Clients
    old_key: Path
    settings: Settings
    now: datetime

    def clock(self) -> datetime:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def use_keys(self, online: Path, following: Path | None) -> None:
        self.settings.ONLINE_KEY = SecretStr(f"file:{online}")
        self.settings.ONLINE_KEY_NEXT = SecretStr(f"file:{following}" if following else "")

    def upload(self, name: str) -> None:
        """By a worker that was started with the settings as they are."""
        add_file(name)
        assert Publisher(Library()).publish_waiting(self.clock) == 1

    def replacement(self) -> Replacement:
        return Replacement(self.clock, self.wait)


@pytest.fixture
def index(settings: Settings, tmp_path: Path) -> Iterator[Index]:
    WatchedStorage.look = None
    publisher = signed_index(settings, tmp_path, backend=f"{__name__}.WatchedStorage")
    online = write_online_key(tmp_path / "old.pem")
    settings.ONLINE_KEY = SecretStr(f"file:{tmp_path / 'old.pem'}")
    ceremony = Ceremony((online.public_key,), index_id=Library().current().index_id)
    documents = read_documents(each.content for each in ceremony.all(root=2, others=2))
    take_documents(documents, begins_chain=True, now=timezone.now())
    assert finish_import(publisher, timezone.now)
    add_file("demo")
    assert publisher.publish_waiting(timezone.now) == 1
    clients = Clients(tmp_path / "clients")
    WatchedStorage.look = clients.look
    yield Index(ceremony, clients, tmp_path / "old.pem", settings, timezone.now())
    WatchedStorage.look = None


@dataclass
class Following:
    """A new online key, and what names it."""

    path: Path
    ceremony: Ceremony
    documents: OfflineDocuments


def following(
    index: Index, path: Path, version: int = 3, roles: tuple[str, ...] = (ROOT, TARGETS, UNCLAIMED)
) -> Following:
    ceremony = replace(index.ceremony, online=(write_online_key(path).public_key,))
    documents = read_documents(ceremony.document(role, version).content for role in roles)
    return Following(path, ceremony, documents)


def online_signers() -> set[frozenset[str]]:
    """By which keys online documents are signed, each combination once."""
    current = Library().current()
    contents = [current.timestamp, current.snapshot]
    contents += [Library().content(current, role) for role in current.entries.roles() if is_bin(role)]
    contents.append(Library().content(current, "recently-claimed"))
    return {frozenset(each["keyid"] for each in read_object(content)["signatures"]) for content in contents}


def keyids(*ceremonies: Ceremony) -> frozenset[str]:
    return frozenset(key.keyid for ceremony in ceremonies for key in ceremony.online)
