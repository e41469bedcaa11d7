"""Pruning: what goes, what may never go, and what happens meanwhile."""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from indexsite.operation.backup import published_documents
from indexsite_client.protocol import ROOT, SNAPSHOT
from packages import outbox
from packages.attestations.models import FileProvenance
from packages.models import File, OutboxEntry
from storage.contract import BLOBS, METADATA, StoredFile, blob_name, document_name, the_storage
from storage.filesystem import DurableFileSystemStorage
from tests.objects import ObjectServer
from tests.signing import add_file, signed_index, signed_index_on
from tests.test_objects import storage as object_storage
from tufsigning.core.documents import read_signed
from tufsigning.errors import StoreDamagedError
from tufsigning.library import Library
from tufsigning.models import Document, Publication, RoleHead
from tufsigning.pruning import Pruned, PruneRefusedError, prune

pytestmark = pytest.mark.django_db
GRACE = timedelta(days=14)


class InterruptedStorage(DurableFileSystemStorage):
    """Lets something else happen once: when all was marked and listed, or just before the first removal."""

    listed: list[Callable[[], object]] = []
    meanwhile: list[Callable[[], object]] = []

    def stored(self, folder: str) -> Iterator[StoredFile]:
        """List it, and let it grow old."""
        found = list(super().stored(folder))
        if folder == BLOBS and self.listed:
            self.listed.pop()()
        return iter(found)

    def remove(self, names: Iterable[str], *, written_before: datetime) -> set[str]:
        """Remove them, after what happens meanwhile."""
        if self.meanwhile:
            self.meanwhile.pop()()
        return super().remove(names, written_before=written_before)


class Years:
    """An index with a clock of its own, which the store's files follow."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.start = self.now = timezone.now()
        self.publisher = signed_index(settings, folder, backend=f"{__name__}.InterruptedStorage")
        self.folder = folder / "store"
        self._aged: dict[Path, int] = {}
        self.age()

    def go_to(self, day: float) -> "Years":
        self.now = self.start + timedelta(days=day)
        return self

    def age(self) -> None:
        """What was written since the last time was written now, by our clock."""
        for path in self.folder.rglob("*"):
            if path.is_file() and self._aged.get(path) != path.stat().st_ino:
                os.utime(path, (self.now.timestamp(), self.now.timestamp()))
                self._aged[path] = path.stat().st_ino

    def publish(self) -> set[str]:
        """Publish what waits; returns the names that are new in the store."""
        before = self.names()
        assert self.publisher.publish_waiting(lambda: self.now)
        self.age()
        return self.names() - before

    def upload(self, name: str, version: str, *, metadata: bytes = b"") -> set[str]:
        before = self.names()
        add_file(name, version, metadata=metadata)
        self.publish()
        return self.names() - before

    def write(self, content: bytes) -> str:
        """A blob that no row knows, as of an upload that was never finished."""
        name = blob_name(hashlib.sha256(content).hexdigest())
        the_storage().write({name: content})
        self.age()
        return name

    def names(self) -> set[str]:
        return {each.name for folder in (METADATA, BLOBS) for each in the_storage().stored(folder)}

    def prune(self, *, dry_run: bool = False) -> Pruned:
        return prune(Library(), lambda: self.now, grace=GRACE, dry_run=dry_run)


@pytest.fixture
def years(settings: Settings, tmp_path: Path) -> Years:
    InterruptedStorage.meanwhile, InterruptedStorage.listed = [], []
    return Years(settings, tmp_path)


def assert_whole() -> None:
    """Everything that the live publication reaches is there, and every root."""
    library = Library()
    current = library.current()
    assert current.roots
    for role in current.entries.roles():
        for entry in library.targets(current, role).values():
            assert the_storage().exists(blob_name(entry["hashes"]["sha256"]))


def is_page_or_document(name: str) -> bool:
    """Of what a publication writes; an upload's file is a blob too, but kept."""
    sha256 = name.rpartition("/")[2]
    return name.startswith(METADATA) or not File.every.filter(sha256=sha256).exists()


def test_what_was_superseded_before_the_grace_time_goes_and_all_else_stays(years: Years) -> None:
    first = years.go_to(1).upload("demo", "1.0", metadata=b"Name: demo")
    metadata = blob_name(hashlib.sha256(b"Name: demo").hexdigest())
    second = years.go_to(2).upload("demo", "2.0")  # live when the grace time began
    years.go_to(10).upload("demo", "3.0")
    years.go_to(12).upload("demo", "4.0")
    before, rows = years.names(), set(Document.objects.values_list("role", "version"))
    years.go_to(20)
    promised = years.prune(dry_run=True)
    assert years.names() == before
    done = years.prune()
    assert done == promised
    gone = before - years.names()
    assert {name for name in first if is_page_or_document(name)} - {metadata} <= gone
    assert not second & gone
    assert metadata not in gone
    assert done.documents + done.blobs == len(gone)
    assert done.size > 0
    assert document_name(ROOT, 1) not in gone
    left = set(Document.objects.values_list("role", "version"))
    assert done.rows == len(rows - left) > 0
    stored = {(role, version) for role, version in left if role != "timestamp"}
    assert all(the_storage().exists(document_name(*each)) for each in stored)
    assert_whole()
    assert years.prune() == Pruned()
    heads = dict(RoleHead.objects.values_list("role", "version"))
    assert years.upload("demo", "5.0")
    assert all(version >= heads[role] for role, version in RoleHead.objects.values_list("role", "version"))


def test_a_young_index_and_an_idle_one_lose_nothing(years: Years) -> None:
    years.go_to(1).upload("demo", "1.0")
    before = years.names()
    years.go_to(13)
    assert years.prune() == Pruned()
    assert years.names() == before
    years.go_to(3000).prune()  # nothing was published since
    assert_whole()
    assert {blob_name(page_of("demo")), blob_name(File.objects.get().sha256)} <= years.names()


def test_what_is_published_stays_whatever_the_file_system_says_of_its_age(years: Years) -> None:
    """As after a store was copied back with other times than it had."""
    years.go_to(1).upload("demo", "1.0")
    years.go_to(12).upload("demo", "2.0")
    for path in years.folder.rglob("*"):
        os.utime(path, (0, 0))
    years.go_to(20)
    assert years.prune().documents > 0  # of the ceremony's
    library = Library()
    current = library.current()
    assert set(published_documents(current)) <= years.names()
    assert_whole()


def test_roots_are_never_removed_however_old(years: Years) -> None:
    old = {document_name(ROOT, number): b"{}" for number in (7, 8)}
    the_storage().write(old)
    years.age()
    years.go_to(1).upload("demo", "1.0")
    years.go_to(4000).prune()
    assert set(old) <= years.names()


def test_bytes_that_rows_know_stay_whatever_the_state_of_the_file(years: Years) -> None:
    file = add_file("waits", "1.0", metadata=b"Name: waits")
    provenance = years.write(b"provenance")
    FileProvenance.objects.create(file=file, sha256=provenance.rpartition("/")[2], kind="github", name="a/b")
    withheld = add_file("withheld", "1.0")
    File.objects.filter(pk=withheld.pk).update(state=File.State.WITHHELD)
    OutboxEntry.objects.all().delete()  # nobody publishes them
    years.age()
    kept = {blob_name(file.sha256), blob_name(file.metadata_sha256), blob_name(withheld.sha256), provenance}
    years.go_to(100).prune()
    assert kept <= years.names()
    File.objects.update(state=File.State.DELETED)
    assert years.prune().blobs == 4
    assert not kept & years.names()


def test_an_upload_whose_row_is_not_committed_yet_keeps_its_bytes(years: Years) -> None:
    years.go_to(1).upload("demo", "1.0")
    old = years.write(b"left by an upload that was killed")
    years.go_to(39)
    young = years.write(b"just received")
    years.go_to(40).prune()
    assert old not in years.names()
    assert young in years.names()


def test_a_blob_that_is_uploaded_again_between_mark_and_removal_stays(years: Years) -> None:
    years.go_to(1).upload("demo", "1.0")
    name, content = years.write(b"an orphan"), b"an orphan"
    other = years.write(b"another orphan")
    years.go_to(40)

    def upload_again() -> None:
        the_storage().write({name: content})
        os.utime(years.folder / name, (years.now.timestamp(), years.now.timestamp()))

    InterruptedStorage.meanwhile = [upload_again]
    years.prune()
    assert other not in years.names()
    assert (years.folder / name).read_bytes() == content


def test_a_page_that_is_published_again_between_mark_and_removal_stays(years: Years) -> None:
    """Yanked and unyanked: the bytes of a page come back that nothing reached when everything was marked."""
    years.go_to(1).upload("demo", "1.0")
    page = page_of("demo")
    set_yanked(years, True, day=2)
    years.go_to(3).upload("other", "1.0")
    years.go_to(60)
    assert page_of("demo") != page

    InterruptedStorage.listed = [lambda: set_yanked(years, False, day=60)]
    years.prune()
    assert page_of("demo") == page
    assert_whole()


def page_of(project: str) -> str:
    library = Library()
    current = library.current()
    found = [
        entry["hashes"]["sha256"]
        for role in current.entries.roles()
        for path, entry in library.targets(current, role).items()
        if path == f"{project}/index.json"
    ]
    return str(found[0])


def set_yanked(years: Years, is_yanked: bool, *, day: float) -> None:
    File.objects.filter(release__project__name="demo").update(is_yanked=is_yanked)
    outbox.record(File.objects.filter(release__project__name="demo")[0].release.project, now=years.now)
    years.go_to(day).publish()


def test_a_database_that_is_behind_its_store_prunes_nothing(years: Years) -> None:
    years.go_to(1).upload("demo", "1.0")
    orphan = years.write(b"an orphan")
    RoleHead.objects.filter(role="snapshot").update(version=1)
    with pytest.raises(PruneRefusedError, match="older than the store"):
        years.go_to(40).prune()
    assert orphan in years.names()


def test_a_damaged_store_prunes_nothing(years: Years) -> None:
    years.go_to(1).upload("demo", "1.0")
    orphan = years.write(b"an orphan")
    current = Library().current()
    (years.folder / document_name("bin-0", current.entries["bin-0"]["version"])).unlink()
    with pytest.raises(StoreDamagedError):
        years.go_to(40).prune()
    assert orphan in years.names()


def test_less_than_a_day_of_grace_is_refused(years: Years) -> None:
    with pytest.raises(PruneRefusedError, match="at least one day"):
        prune(Library(), lambda: years.now, grace=timedelta(hours=23))


def test_what_a_killed_removal_had_taken_aside_comes_back_where_it_is_needed(years: Years) -> None:
    years.go_to(1).upload("demo", "1.0")
    page = years.folder / blob_name(page_of("demo"))
    content = page.read_bytes()
    page.rename(page.with_name(f".doomed-{page.name}"))
    temporary = page.with_name(".new-half")
    temporary.write_bytes(b"half")
    os.utime(temporary, (years.now.timestamp(), years.now.timestamp()))
    strange = years.folder / METADATA / "notes.txt"
    strange.write_bytes(b"not ours")
    os.utime(strange, (0, 0))
    years.go_to(40).prune()
    assert page.read_bytes() == content
    assert not temporary.exists()
    assert strange.exists()
    assert_whole()


def test_pruning_an_object_store(settings: Settings, tmp_path: Path, objects: ObjectServer) -> None:
    url = objects.new_bucket(f"prune-{os.getpid()}")
    store = object_storage(url, tmp_path, prefix="some/prefix")
    options = {
        "bucket_name": store.bucket_name,
        "location": "some/prefix",
        "endpoint_url": store.endpoint_url,
        "addressing": "path",
        "region_name": store.region_name,
        "access_key": store.access_key,
        "secret_key": store.secret_key,
        "incoming": tmp_path / "incoming",
    }
    backend = {"BACKEND": "storage.objects.DurableObjectStorage", "OPTIONS": options}
    publisher = signed_index_on(settings, tmp_path, backend)
    now = timezone.now()
    for version in ("1.0", "2.0"):
        add_file("demo", version)
        publisher.publish_waiting(lambda: now)
    orphan = blob_name(hashlib.sha256(b"orphan").hexdigest())
    the_storage().write({orphan: b"orphan"})
    later = now + timedelta(days=40)
    first = Publication.objects.order_by("number")[0].number
    promised = prune(Library(), lambda: later, grace=GRACE, dry_run=True)
    assert prune(Library(), lambda: later, grace=GRACE) == promised
    assert promised.documents > 1
    assert promised.blobs == 2  # the orphan, and the first page
    assert not the_storage().exists(orphan)
    assert not the_storage().exists(document_name(SNAPSHOT, first))
    assert_whole()
    assert read_signed(Library().current().snapshot)
    live = document_name(SNAPSHOT, Publication.objects.order_by("-number")[0].number)
    assert the_storage().remove([live], written_before=now - timedelta(days=1)) == set()
    assert the_storage().exists(live)
