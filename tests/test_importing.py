"""Imports on an index that is signed in the tests' process: what goes along, what is finished, what is given up."""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings
from tuf.ngclient import Updater

from indexsite_client.protocol import CLAIMED, ROOT, SNAPSHOT, TARGETS, TIMESTAMP, UNCLAIMED
from storage.contract import document_name, read_bytes, the_storage
from tests.ceremonies import Ceremony, write_documents, write_online_key
from tests.test_publishers import InterruptedStorage, add_file, listed
from tests.test_publishers import publisher as publisher  # a fixture
from tests.test_tuf_init_crashes import FolderFetcher
from tufsigning import records
from tufsigning.ceremony import hold_development_ceremony
from tufsigning.ceremony_folder import read_ceremony, read_document_file, write_ceremony
from tufsigning.core.documents import Document, read_signed
from tufsigning.core.offline import read_documents
from tufsigning.core.publication import is_bin
from tufsigning.core.verification import CandidateRefusedError
from tufsigning.errors import (
    CeremonyFolderError,
    DocumentRefusedError,
    ImportWaitsError,
    OnlineKeyError,
    RealRootError,
)
from tufsigning.importing import check_import, finish_import, import_documents, take_documents
from tufsigning.library import Library
from tufsigning.models import Document as DocumentRow
from tufsigning.models import OfflineImport, Publication
from tufsigning.publisher import Publisher

pytestmark = pytest.mark.django_db


def take(documents: list[Document], *, begins_chain: bool = False) -> None:
    """Check and keep documents, and do not publish them yet."""
    new = read_documents(document.content for document in documents)
    now = timezone.now()
    check_import(new, current=Library().current(), begins_chain=begins_chain, now=now)
    take_documents(new, begins_chain=begins_chain, now=now)


def choose_key(settings: Settings, path: Path) -> Ceremony:
    """A new online key, chosen by the settings, in a ceremony for the index that there is."""
    online = write_online_key(path)
    settings.ONLINE_KEY = type(settings.ONLINE_KEY)(f"file:{path}")
    return Ceremony((online.public_key,), index_id=Library().current().index_id)


@pytest.fixture
def real(publisher: Publisher, settings: Settings, tmp_path: Path) -> Ceremony:
    """The publisher's index after its move to a real ceremony."""
    ceremony = choose_key(settings, tmp_path / "online.pem")
    take(ceremony.all(root=2, others=2), begins_chain=True)
    assert finish_import(publisher, timezone.now)
    return ceremony


@pytest.fixture
def client(tmp_path: Path) -> Callable[[], dict[str, int]]:
    """python-tuf's client that pins the second root and remembers; what it knows after a look, by role."""
    folder = tmp_path / "client"

    def look() -> dict[str, int]:
        folder.mkdir(exist_ok=True)
        root = (tmp_path / "store/metadata/2.root.json").read_bytes()
        fetcher = FolderFetcher(tmp_path / "store")
        updater = Updater(str(folder), "http://x/", str(folder), "http://x/", fetcher, bootstrap=root)
        assert updater.get_targetinfo("demo/index.json")
        roles = (ROOT, TIMESTAMP, SNAPSHOT, TARGETS, UNCLAIMED)
        return {role: read_signed((folder / f"{role}.json").read_bytes())["version"] for role in roles}

    return look


def bin_versions() -> dict[str, int]:
    entries = Library().current().entries
    return {role: entries[role]["version"] for role in entries.roles() if is_bin(role)}


def test_what_waits_is_published_under_the_new_root(publisher: Publisher, settings: Settings, tmp_path: Path) -> None:
    first, waiting = add_file("first"), add_file("waiting")
    assert publisher.publish_waiting(timezone.now) == 2
    second = add_file("second")
    ceremony = choose_key(settings, tmp_path / "online.pem")
    take(ceremony.all(root=2, others=2), begins_chain=True)
    assert finish_import(publisher, timezone.now)
    assert (listed("first"), listed("waiting"), listed("second")) == ([first.filename], [waiting.filename], [])
    assert publisher.publish_waiting(timezone.now) == 1
    assert listed("second") == [second.filename]
    assert [read_signed(root)["version"] for root in Library().current().roots] == [2]


def test_another_online_key_signs_everything_online_anew_and_returning_clients_go_on(
    real: Ceremony, publisher: Publisher, settings: Settings, tmp_path: Path, client: Callable[[], dict[str, int]]
) -> None:
    add_file("demo")
    publisher.publish_waiting(timezone.now)
    before, bins = client(), bin_versions()
    other = replace(choose_key(settings, tmp_path / "other.pem"), holders=real.holders)
    take([other.document(role, 3) for role in (ROOT, TARGETS, UNCLAIMED)])
    assert finish_import(publisher, timezone.now)
    after = client()
    assert all(after[role] > before[role] for role in before)
    assert all(version > bins[role] for role, version in bin_versions().items())


def test_documents_that_change_no_online_key_leave_the_bins_alone(
    real: Ceremony, publisher: Publisher, client: Callable[[], dict[str, int]]
) -> None:
    add_file("demo")
    publisher.publish_waiting(timezone.now)
    client()
    bins = bin_versions()
    take([real.document(role, 3) for role in (ROOT, TARGETS, CLAIMED, UNCLAIMED)])
    assert finish_import(publisher, timezone.now)
    after = client()
    assert (after[ROOT], after[TARGETS], after[UNCLAIMED]) == (3, 3, 3)
    assert bin_versions() == bins


def test_an_import_whose_online_key_we_do_not_hold_is_refused(real: Ceremony, tmp_path: Path) -> None:
    other = replace(real, online=(write_online_key(tmp_path / "elsewhere.pem").public_key,))
    with pytest.raises(OnlineKeyError, match="not the one that root names"):
        take([other.document(role, 3) for role in (ROOT, TARGETS, UNCLAIMED)])
    assert not OfflineImport.objects.filter(is_waiting=True).exists()


def test_what_became_visible_before_a_crash_is_settled_without_another_publication(
    real: Ceremony, publisher: Publisher
) -> None:
    done = OfflineImport.objects.get()
    assert (done.is_waiting, done.fault) == (False, "")
    OfflineImport.objects.update(is_waiting=True, settled_at=None)
    count = Publication.objects.count()
    assert finish_import(Publisher(Library()), timezone.now)
    assert Publication.objects.count() == count
    assert OfflineImport.objects.get().settled_at is not None


def test_only_one_import_waits_and_the_same_again_goes_on_with_it(real: Ceremony, publisher: Publisher) -> None:
    claimed = real.document(CLAIMED, 3)
    take([claimed])
    take([claimed])
    with pytest.raises(ImportWaitsError):
        take([real.document(TARGETS, 3)])
    assert OfflineImport.objects.filter(is_waiting=True).count() == 1
    assert finish_import(publisher, timezone.now)
    assert read_signed(Library().current().upper[CLAIMED])["version"] == 3


def test_whatever_happens_meanwhile_an_import_that_clients_would_refuse_is_given_up_with_its_reason(
    real: Ceremony, publisher: Publisher
) -> None:
    take([real.document(CLAIMED, 3)])
    thief = real.with_new_keys(CLAIMED).document(CLAIMED, 3)
    DocumentRow.objects.filter(role=CLAIMED, version=3).update(content=thief.content)
    before = Library().current().timestamp
    with pytest.raises(CandidateRefusedError):
        finish_import(publisher, timezone.now)
    given_up = OfflineImport.objects.order_by("-id").first()
    assert given_up is not None
    assert (given_up.is_waiting, "claimed was signed by" in given_up.fault) == (False, True)
    assert Library().current().timestamp == before
    take([real.document(CLAIMED, 3)])  # the right one can still come
    assert finish_import(publisher, timezone.now)


def test_an_import_waits_for_another_publisher_and_then_goes_on(real: Ceremony) -> None:
    new = read_documents([real.document(CLAIMED, 3).content])
    lease = records.publishing_lease(now=timezone.now())
    assert lease.__enter__()
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        lease.__exit__(None, None, None)

    import_documents(new, begins_chain=False, clock=timezone.now, wait=wait)
    assert len(waited) == 1
    assert read_signed(Library().current().upper[CLAIMED])["version"] == 3


def test_expired_offline_roles_stop_no_publication_of_a_worker_that_starts_then(real: Ceremony) -> None:
    later = timezone.now() + timedelta(days=120)  # the tests' documents live for 90
    file = add_file("late")
    assert Publisher(Library()).publish_waiting(lambda: later) == 1
    assert listed("late") == [file.filename]


def test_no_development_ceremony_is_held_over_the_root_of_a_real_one(settings: Settings, tmp_path: Path) -> None:
    settings.DATA = tmp_path
    backend = {
        "BACKEND": f"{InterruptedStorage.__module__}.InterruptedStorage",
        "OPTIONS": {"location": tmp_path / "s"},
    }
    settings.STORAGES = {**settings.STORAGES, "default": backend}
    root = Ceremony((write_online_key(tmp_path / "online.pem").public_key,)).document(ROOT, 1)
    the_storage().write({document_name(ROOT, 1): root.content})
    with pytest.raises(RealRootError):
        hold_development_ceremony(Publisher(Library()), now=timezone.now())
    assert read_bytes(document_name(ROOT, 1), limit=100_000) == root.content


def test_what_is_exported_for_a_ceremony_is_what_is_published(real: Ceremony, tmp_path: Path) -> None:
    current = Library().current()
    written = write_ceremony(tmp_path / "out", current)
    assert sorted(path.name for path in written) == [
        "2.claimed.json",
        "2.root.json",
        "2.targets.json",
        "2.unclaimed.json",
    ]
    assert (tmp_path / "out/metadata/2.root.json").read_bytes() == current.roots[-1]
    write_ceremony(tmp_path / "out", current)
    written[0].write_bytes(b"{}")
    with pytest.raises(CeremonyFolderError, match="other contents"):
        write_ceremony(tmp_path / "out", current)


def test_of_a_ceremony_the_newest_documents_and_all_new_roots_are_read(real: Ceremony, tmp_path: Path) -> None:
    documents = [*real.all(root=2, others=2), *real.all(root=3, others=3), real.document(ROOT, 4)]
    write_documents(tmp_path, documents)
    (tmp_path / "metadata" / "README").write_text("by the holders")
    found = read_ceremony(tmp_path, current=Library().current())
    assert [document.version for document in found.roots] == [3, 4]
    assert {document.version for document in found.others.values()} == {3}


def test_a_folder_that_is_no_finished_ceremony_is_refused_by_name(real: Ceremony, tmp_path: Path) -> None:
    with pytest.raises(CeremonyFolderError, match="cannot be read"):
        read_ceremony(tmp_path / "none", current=None)
    (tmp_path / "empty/metadata").mkdir(parents=True)
    with pytest.raises(DocumentRefusedError, match="finish the ceremony first"):
        read_ceremony(tmp_path / "empty", current=None)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "long").write_bytes(b" " * 5_000_001)
    for name, words in {"pipe": "no regular file", "long": "longer than", "none": "cannot be read"}.items():
        with pytest.raises(CeremonyFolderError, match=words):
            read_document_file(tmp_path / name)
