"""Pruning: what goes, what may never go, and what happens meanwhile."""

import hashlib
import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from indexsite.operation.backup import published_documents
from indexsite_client.protocol import ROOT, SNAPSHOT
from packages.attestations.models import FileProvenance
from packages.models import File, OutboxEntry
from storage.contract import METADATA, blob_name, document_name, the_storage
from tests.objects import ObjectServer
from tests.signing import add_file, signed_index_on
from tests.test_objects import storage as object_storage
from tests.years import GRACE, Years, assert_whole, begin_years, page_of
from tufsigning.core.documents import read_signed
from tufsigning.library import Library
from tufsigning.models import Document, Publication, RoleHead
from tufsigning.pruning import Pruned, prune

pytestmark = pytest.mark.django_db


@pytest.fixture
def years(settings: Settings, tmp_path: Path) -> Years:
    return begin_years(settings, tmp_path)


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
