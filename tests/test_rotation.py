"""A healthy online key is replaced: clients look after each write of a file, and none of them ever fails."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pydantic import SecretStr
from pytest_django import Settings
from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient import FetcherInterface, Updater

from indexsite_client.protocol import CLAIMED, ROOT, TARGETS, UNCLAIMED
from storage.filesystem import DurableFileSystemStorage
from tests.ceremonies import Ceremony, write_documents, write_online_key
from tests.signing import add_file, signed_index
from tufsigning import records
from tufsigning.core.canonical import read_object
from tufsigning.core.documents import Document
from tufsigning.core.offline import OfflineDocuments, read_documents
from tufsigning.core.publication import is_bin
from tufsigning.errors import NextKeyMissingError, OnlineKeyError, RotationHinderedError, StillTrustedError
from tufsigning.guiding import Standing, steps
from tufsigning.importing import finish_import, import_documents, take_documents
from tufsigning.library import Library
from tufsigning.models import KeyRotation, KeyUse
from tufsigning.publisher import Publisher
from tufsigning.replacing import Replacement, begin, object_if_unready, replace_at_once, replaces_online_key

pytestmark = pytest.mark.django_db


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


def test_no_client_fails_at_any_write_of_a_whole_rotation_while_uploads_go_on(index: Index, tmp_path: Path) -> None:
    new = following(index, tmp_path / "new.pem")
    index.use_keys(index.old_key, new.path)
    current = Library().current()
    assert replaces_online_key(new.documents, current=current)

    rotation = begin(new.documents, current=current, now=index.clock())
    index.upload("between")
    assert index.replacement().sign_with_both(rotation) > 0
    assert online_signers() == {keyids(index.ceremony, new.ceremony)}
    index.upload("both")
    index.replacement().name_new_key(new.documents, rotation)
    index.clients.known_root = 3
    assert Library().current().root_version == 3
    index.upload("named")
    assert online_signers() == {keyids(index.ceremony, new.ceremony)}
    index.use_keys(new.path, None)
    index.upload("alone")
    index.replacement().drop_old()
    assert online_signers() == {keyids(new.ceremony)}
    index.upload("after")
    index.clients.path = "both/index.json"
    index.clients.look()
    assert index.clients.looks > 40
    assert not KeyRotation.objects.exists()


def test_without_both_signatures_clients_do_fail_between_root_and_timestamp(index: Index, tmp_path: Path) -> None:
    """What all this is for: the same documents, taken at once."""
    new = following(index, tmp_path / "new.pem")
    index.use_keys(new.path, None)
    with pytest.raises(Exception, match="timestamp was signed by 0/1 keys"):
        import_documents(new.documents, begins_chain=False, clock=index.clock, wait=index.wait)


def test_each_key_s_use_is_a_record_of_its_own(index: Index, tmp_path: Path) -> None:
    new = following(index, tmp_path / "new.pem")
    index.use_keys(index.old_key, new.path)
    begin(new.documents, current=Library().current(), now=index.clock())
    index.upload("both")
    one, other = KeyUse.objects.order_by("-number")[:2]
    assert one.publication == other.publication
    assert one.digest == other.digest
    assert {one.key_id, other.key_id} == keyids(index.ceremony, new.ceremony)


def test_a_rotation_goes_on_where_it_was_left_at_each_step(index: Index, tmp_path: Path) -> None:
    new = following(index, tmp_path / "new.pem")
    index.use_keys(index.old_key, new.path)
    rotation = begin(new.documents, current=Library().current(), now=index.clock())
    index.upload("both")  # the bins of one project have both signatures
    standing = Standing.now(Library())
    assert 0 < standing.unsigned < 5
    again = begin(new.documents, current=Library().current(), now=index.clock())
    assert again.keys == rotation.keys
    assert KeyRotation.objects.get().began_at == rotation.began_at
    index.replacement().sign_with_both(again)
    assert Standing.now(Library()).unsigned == 0
    assert index.replacement().sign_with_both(again) == 0  # nothing is signed twice
    take_documents(new.documents, begins_chain=False, now=index.clock())  # and killed there: a worker goes on
    assert finish_import(Publisher(Library()), index.clock)
    assert Standing.now(Library()).names_new
    index.clients.known_root = 3
    index.use_keys(new.path, None)
    records.end_rotation()  # and killed there
    standing = Standing.now(Library())
    assert standing.may_drop_old
    assert standing.surplus > 0
    index.replacement().drop_old()
    standing = Standing.now(Library())
    assert (standing.surplus, standing.may_drop_old) == (0, False)


def test_many_bins_are_signed_in_slices_with_uploads_in_between(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tufsigning.replacing.SLICE", 2)
    WatchedStorage.look = None
    new = following(index, tmp_path / "new.pem")
    index.use_keys(index.old_key, new.path)
    rotation = begin(new.documents, current=Library().current(), now=index.clock())
    add_file("waiting")
    told: list[int] = []
    assert Replacement(index.clock, index.wait, told.append).sign_with_both(rotation) >= 3
    assert told[-1] == 0
    assert Library().page_files(Library().current(), "waiting")  # type: ignore[arg-type]  # a normalised name
    assert online_signers() == {keyids(index.ceremony, new.ceremony)}


def test_a_compromised_key_signs_nothing_beside_the_new_one(index: Index, tmp_path: Path) -> None:
    new = following(index, tmp_path / "new.pem")
    index.use_keys(index.old_key, new.path)
    begin(new.documents, current=Library().current(), now=index.clock())  # which was healthy then
    WatchedStorage.look = None
    replace_at_once(new.documents, current=Library().current(), clock=index.clock, wait=index.wait)
    current = Library().current()
    assert read_object(current.timestamp)["signatures"][0]["keyid"] in keyids(new.ceremony)
    assert online_signers() == {keyids(new.ceremony)}
    assert not KeyRotation.objects.exists()
    index.clients.known_root = 3
    index.clients.look()
    index.upload("after")  # by a worker that has both settings still
    assert online_signers() == {keyids(new.ceremony)}


def test_documents_that_still_name_the_compromised_key_are_refused(index: Index, tmp_path: Path) -> None:
    both = replace(index.ceremony, online=(write_online_key(tmp_path / "new.pem").public_key, *index.ceremony.online))
    documents = read_documents(both.document(role, 3).content for role in (ROOT, TARGETS, UNCLAIMED))
    index.use_keys(index.old_key, tmp_path / "new.pem")
    with pytest.raises(StillTrustedError, match="--online --replace"):
        replace_at_once(documents, current=Library().current(), clock=index.clock, wait=index.wait)
    assert Library().current().root_version == 2


def test_a_worker_without_the_new_key_holds_the_new_root_back_and_says_so(index: Index, tmp_path: Path) -> None:
    new = following(index, tmp_path / "new.pem")
    index.use_keys(index.old_key, new.path)
    rotation = begin(new.documents, current=Library().current(), now=index.clock())
    index.replacement().sign_with_both(rotation)
    index.use_keys(index.old_key, None)

    def wait(seconds: float) -> None:
        index.wait(seconds)
        object_if_unready(now=index.now)  # what its schedule does each second

    with pytest.raises(RotationHinderedError, match="start every worker anew"):
        Replacement(index.clock, wait).name_new_key(new.documents, rotation)
    assert Library().current().root_version == 2
    index.upload("meanwhile")  # it goes on with the old key alone
    index.use_keys(index.old_key, new.path)
    index.replacement().sign_with_both(rotation)
    index.replacement().name_new_key(new.documents, rotation)
    assert Library().current().root_version == 3


def test_each_order_of_mistakes_is_said_in_words_and_ends_well(index: Index, tmp_path: Path) -> None:
    new = following(index, tmp_path / "new.pem")
    with pytest.raises(NextKeyMissingError, match="set INDEXSITE_ONLINE_KEY_NEXT"):
        begin(new.documents, current=Library().current(), now=index.clock())
    index.use_keys(new.path, None)  # moved too early
    add_file("early")
    with pytest.raises(OnlineKeyError, match="not the one that root names"):
        Publisher(Library()).publish_waiting(index.clock)
    index.use_keys(new.path, index.old_key)  # the other way round
    rotation = begin(new.documents, current=Library().current(), now=index.clock())
    assert rotation.old.keyid in keyids(index.ceremony)
    assert Publisher(Library()).publish_waiting(index.clock) == 1
    index.use_keys(new.path, None)
    add_file("moved")
    with pytest.raises(OnlineKeyError, match="INDEXSITE_ONLINE_KEY to the old key and INDEXSITE_ONLINE_KEY_NEXT"):
        Publisher(Library()).publish_waiting(index.clock)
    index.use_keys(index.old_key, new.path)
    index.replacement().sign_with_both(rotation)
    index.replacement().name_new_key(new.documents, rotation)
    index.clients.known_root = 3
    index.use_keys(tmp_path / "gone.pem", new.path)  # the old one was deleted before the settings were changed
    index.upload("last")


def test_a_rotation_may_be_cancelled_while_root_names_the_old_key(index: Index, tmp_path: Path) -> None:
    new = following(index, tmp_path / "new.pem")
    index.use_keys(index.old_key, new.path)
    rotation = begin(new.documents, current=Library().current(), now=index.clock())
    index.replacement().sign_with_both(rotation)
    Standing.now(Library()).check_may_cancel()
    index.replacement().drop_old()
    assert online_signers() == {keyids(index.ceremony)}


def test_the_guide_says_what_is_next_at_each_step(index: Index, tmp_path: Path) -> None:
    def said() -> str:
        return " ".join(steps(Standing.now(Library())))

    new = following(index, tmp_path / "new.pem")
    assert "--online --replace" in said()
    index.use_keys(index.old_key, new.path)
    rotation = begin(new.documents, current=Library().current(), now=index.clock())
    assert "7 documents are not signed with both keys yet" in said()
    index.replacement().sign_with_both(rotation)
    assert "run tuf_rotate FOLDER" in said()
    index.replacement().name_new_key(new.documents, rotation)
    assert "set INDEXSITE_ONLINE_KEY to what INDEXSITE_ONLINE_KEY_NEXT says" in said()
    index.clients.known_root = 3
    index.use_keys(new.path, None)
    assert "it drops the old signature" in said()
    index.replacement().drop_old()
    assert "no replacement is under way" in said()


def test_what_clients_would_refuse_is_refused_before_anything_begins(index: Index, tmp_path: Path) -> None:
    new = following(index, tmp_path / "new.pem")
    index.use_keys(index.old_key, new.path)
    thief = new.ceremony.with_new_keys(TARGETS)
    wrong = [new.ceremony.document(ROOT, 3), thief.document(TARGETS, 3), new.ceremony.document(UNCLAIMED, 3)]
    write_documents(tmp_path / "wrong", wrong)
    for options in ({}, {"check": True}, {"compromised": True}):
        with pytest.raises(CommandError, match="targets document lacks signatures"):
            call_command("tuf_rotate", tmp_path / "wrong", **options)
    with pytest.raises(CommandError, match="Give the FOLDER"):
        call_command("tuf_rotate", compromised=True)
    with pytest.raises(CommandError, match="nothing to cancel"):
        call_command("tuf_rotate", cancel=True)
    assert not KeyRotation.objects.exists()
    assert Library().current().root_version == 2


def test_the_command_replaces_a_compromised_key(
    index: Index, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = following(index, tmp_path / "new.pem")
    write_documents(tmp_path / "ceremony", new.documents.all())
    index.use_keys(new.path, None)
    WatchedStorage.look = None
    for _ in range(2):  # again it changes nothing
        call_command("tuf_rotate", tmp_path / "ceremony", compromised=True)
        assert "no replacement is under way" in capsys.readouterr().out
    assert online_signers() == {keyids(new.ceremony)}
    assert Library().current().root_version == 3


def test_documents_that_are_in_force_are_skipped_with_a_word(
    index: Index, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    current = Library().current()
    known = [Document(ROOT, 2, current.roots[-1]), Document(TARGETS, 2, current.upper[TARGETS])]
    files = write_documents(tmp_path / "known", known)
    call_command("tuf_import", *files)
    assert capsys.readouterr().out.count("in force already") == 2
    claimed = write_documents(tmp_path / "new", [index.ceremony.document(CLAIMED, 3)])
    call_command("tuf_import", *files, *claimed)
    assert "published: claimed 3" in capsys.readouterr().out
    other = write_documents(tmp_path / "other", [index.ceremony.document(TARGETS, 2)])
    with pytest.raises(CommandError, match="clients have seen 2"):
        call_command("tuf_import", *other)  # other bytes of a version that is in force
