"""Publishers, versions, leases and renewal, on an index that is signed in the process of the tests."""

import hashlib
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from pytest_django import Settings

from indexsite.schedule import PeriodicAct, claim
from indexsite_client.protocol import NormalizedName, read_expiry
from packages import outbox
from packages.models import File, OutboxEntry, Project, Release
from storage.contract import TIMESTAMP, ReplacedMeanwhileError, blob_name, read_bytes, the_storage
from storage.filesystem import DurableFileSystemStorage
from tufsigning import records
from tufsigning.ceremony import hold_development_ceremony, renew_development_roles
from tufsigning.core.documents import read_signed
from tufsigning.core.publication import Plan
from tufsigning.errors import PublicationRaceError
from tufsigning.library import Library
from tufsigning.models import Document, Publication, PublicLogEntry, PublisherLease, RoleHead
from tufsigning.publisher import Publisher
from tufsigning.restoration import restore_from_published

Meanwhile = Callable[[], object]
Execute = Callable[[str, object, bool, dict[str, object]], object]
pytestmark = pytest.mark.django_db


class InterruptedStorage(DurableFileSystemStorage):
    """Lets something else happen once, just before the timestamp is replaced."""

    meanwhile: list[Meanwhile] = []

    def replace(self, name: str, content: bytes, *, expected: bytes | None) -> None:
        """Replace it after what happens meanwhile."""
        if self.meanwhile:
            self.meanwhile.pop()()
        super().replace(name, content, expected=expected)


@pytest.fixture
def publisher(settings: Settings, tmp_path: Path) -> Publisher:
    """The publisher of an index whose development ceremony was just held."""
    settings.DATA, settings.BINS = tmp_path, 4
    backend = {"BACKEND": f"{__name__}.InterruptedStorage", "OPTIONS": {"location": tmp_path / "store"}}
    settings.STORAGES = {**settings.STORAGES, "default": backend}
    InterruptedStorage.meanwhile = []
    publisher = Publisher(Library())
    assert hold_development_ceremony(publisher, now=timezone.now())
    return publisher


def add_file(name: str, version: str = "1.0", *, stored: bool = True) -> File:
    """What an upload leaves behind: bytes, rows, and a wish in the outbox."""
    content, now = f"{name} {version}".encode(), timezone.now()
    sha256 = hashlib.sha256(content).hexdigest()
    if stored:
        the_storage().write({blob_name(sha256): content})
    project, _ = Project.objects.get_or_create(name=name, defaults={"display_name": name, "created_at": now})
    release = Release.objects.create(project=project, version=version, created_at=now)
    file = File.objects.create(
        release=release, filename=f"{name}-{version}.tar.gz", sha256=sha256, size=len(content), uploaded_at=now
    )
    outbox.record(project, now=now)
    return file


def timestamp() -> bytes:
    return read_bytes(TIMESTAMP, limit=16_000) or b""


def listed(name: str) -> list[str]:
    """The filenames on the published page of a project, as a publisher that starts now reads it."""
    library = Library()
    page = library.page(library.current(), NormalizedName(name))
    return [file.filename for file in page.files] if page else []


def test_a_version_is_the_time_or_one_up_and_never_claimed_twice() -> None:
    now = timezone.now()
    second = int(now.timestamp())
    assert records.claim_versions(["one", "two"], now=now) == {"one": second, "two": second}
    assert records.claim_versions(["one"], now=now) == {"one": second + 1}
    assert records.claim_versions(["one"], now=now - timedelta(days=9)) == {"one": second + 2}
    assert records.claim_versions(["one"], now=now + timedelta(days=9)) == {"one": second + 9 * 86_400}


def test_two_publishers_cannot_claim_the_same_version() -> None:
    now = timezone.now()
    version = records.claim_versions(["one"], now=now)["one"]
    RoleHead.objects.update(version=version - 1)  # what a publisher saw that read at the same moment
    with pytest.raises(PublicationRaceError):
        records.claim_versions(["two", "one"], now=now)
    assert not Document.objects.filter(role="two").exists()
    with pytest.raises(IntegrityError), transaction.atomic():
        Document.objects.create(role="one", version=version, claimed_at=now)


def test_a_timestamp_that_was_replaced_meanwhile_stops_a_publication(publisher: Publisher) -> None:
    first, second = add_file("first"), add_file("second")
    rival = Publisher(Library())

    def rival_publishes() -> None:
        PublisherLease.objects.update(holder="")  # as when ours lapsed while we were signing
        assert rival.publish_waiting(timezone.now) == 2

    InterruptedStorage.meanwhile = [rival_publishes]
    with pytest.raises(PublicationRaceError):
        publisher.publish_waiting(timezone.now)
    assert listed("first") == [first.filename]
    assert listed("second") == [second.filename]
    after = timestamp()
    assert Publication.objects.filter(visible_at=None).count() == 1  # ours, burnt
    add_file("third")
    assert publisher.publish_waiting(timezone.now) == 1
    assert read_signed(timestamp())["version"] > read_signed(after)["version"]
    assert listed("first") == [first.filename]


def test_a_conditional_replacement_changes_nothing_where_the_content_is_another(tmp_path: Path) -> None:
    storage = DurableFileSystemStorage(location=tmp_path)
    storage.replace("timestamp.json", b"1", expected=None)
    for expected in (None, b"0", b""):
        with pytest.raises(ReplacedMeanwhileError):
            storage.replace("timestamp.json", b"2", expected=expected)
    assert (tmp_path / "timestamp.json").read_bytes() == b"1"
    storage.replace("timestamp.json", b"2", expected=b"1")
    assert (tmp_path / "timestamp.json").read_bytes() == b"2"


def test_whoever_finds_another_publisher_at_work_leaves_it_alone_until_its_lease_ends(publisher: Publisher) -> None:
    file, before, now = add_file("demo"), timestamp(), timezone.now()
    with records.publishing_lease(now=now) as ours:
        assert ours
        assert publisher.publish_waiting(lambda: now) == 0
        assert publisher.renew(lambda: now + records.LEASE / 2, renew_offline=lambda current: ()) == 0
        assert timestamp() == before
        assert publisher.publish_waiting(lambda: now + records.LEASE + timedelta(seconds=1)) == 1
    assert listed("demo") == [file.filename]


def test_a_lease_is_given_back_by_its_holder_only() -> None:
    now = timezone.now()
    slow, quick = ExitStack(), ExitStack()
    assert slow.enter_context(records.publishing_lease(now=now))
    assert quick.enter_context(records.publishing_lease(now=now + records.LEASE))
    slow.close()  # it outlived its lease, which is the other's by now
    with records.publishing_lease(now=now) as third:
        assert not third
    quick.close()
    with records.publishing_lease(now=now) as fourth:
        assert fourth


def test_a_file_without_its_bytes_is_not_signed_and_others_are(publisher: Publisher) -> None:
    lost, other = add_file("lost", stored=False), add_file("other")
    assert publisher.publish_waiting(timezone.now) == 1
    assert (listed("lost"), listed("other")) == ([], [other.filename])
    lost.refresh_from_db()
    other.refresh_from_db()
    assert (lost.state, lost.voucher) == (File.State.WAITING, "")
    assert (other.state, other.voucher) == (File.State.PUBLISHED, "unclaimed")
    assert OutboxEntry.objects.filter(settled_at=None).count() == 1


def test_publishing_again_what_was_published_changes_nothing(publisher: Publisher) -> None:
    add_file("demo")
    assert publisher.publish_waiting(timezone.now) == 1
    before = timestamp()
    OutboxEntry.objects.update(settled_at=None)  # a crash before the outbox was settled
    assert publisher.publish_waiting(timezone.now) == 1
    assert timestamp() == before


def test_what_a_failed_publication_signed_is_burnt(publisher: Publisher) -> None:
    add_file("demo")
    now = timezone.now()
    burnt: list[tuple[str, int, str]] = []

    def fail() -> None:
        burnt.extend(Document.objects.exclude(sha256="").values_list("role", "version", "sha256"))
        raise OSError("the disk is full")

    InterruptedStorage.meanwhile = [fail]
    with pytest.raises(OSError, match="disk is full"):
        publisher.publish_waiting(lambda: now)
    assert listed("demo") == []
    assert publisher.publish_waiting(lambda: now) == 1
    assert set(burnt) <= set(Document.objects.values_list("role", "version", "sha256"))
    assert len(listed("demo")) == 1


def test_what_the_database_lost_comes_back_from_what_is_published(publisher: Publisher) -> None:
    file = add_file("demo")
    publisher.publish_waiting(timezone.now)
    heads = dict(RoleHead.objects.values_list("role", "version"))
    OutboxEntry.objects.all().delete()
    File.objects.all().delete()
    Release.objects.all().delete()
    Project.objects.all().delete()
    RoleHead.objects.update(version=1)
    assert restore_from_published(Library(), now=timezone.now()) > 0
    assert dict(RoleHead.objects.values_list("role", "version")) == heads
    restored = File.objects.get()
    assert (restored.filename, restored.sha256, restored.state) == (file.filename, file.sha256, "published")
    assert restored.uploaded_at == file.uploaded_at
    assert restore_from_published(Library(), now=timezone.now()) == 0
    before = timestamp()
    outbox.record(restored.release.project, now=timezone.now())
    publisher.publish_waiting(timezone.now)
    assert timestamp() == before  # the page of what came back is the page that is signed


@pytest.mark.parametrize("hours", [11, 13, 24 * 4, 24 * 50, 24 * 200])
def test_what_neared_its_expiry_is_signed_anew(publisher: Publisher, hours: int) -> None:
    later = timezone.now() + timedelta(hours=hours)
    before = expiries()
    renewed = publisher.renew(lambda: later, renew_offline=lambda current: renew_development_roles(current, now=later))
    assert (renewed > 0) == (hours >= 12)
    after = expiries()
    lives = {"timestamp": 1, "snapshot": 7, "bin-0": 7, "recently-claimed": 7, "claimed": 90, "unclaimed": 365}
    for role, days in lives.items():
        assert after[role] > later, role
        is_due = hours >= days * 12
        assert (after[role] > before[role]) == (is_due or (role == "snapshot" and renewed > 0)), role
    library = Library()
    assert len(library.current().roots) == (2 if hours >= 365 * 12 else 1)


def expiries() -> Mapping[str, datetime]:
    """When the visible documents expire, by role."""
    library = Library()
    current = library.current()
    documents = {"timestamp": current.timestamp, "snapshot": current.snapshot, **current.upper}
    found = {role: read_expiry(read_signed(content)) for role, content in documents.items()}
    entry = current.entries["bin-0"]
    content = read_bytes(f"metadata/{entry['version']}.bin-0.json", limit=1_000_000)
    assert content is not None
    return found | {"bin-0": read_expiry(read_signed(content))}


def test_an_offline_role_that_was_begun_is_not_signed_twice(publisher: Publisher) -> None:
    later = timezone.now() + timedelta(days=50)
    current = Library().current()
    (begun,) = renew_development_roles(current, now=later)
    (again,) = renew_development_roles(current, now=later + timedelta(hours=1))
    assert (begun.role, begun.version) == ("claimed", 2)
    assert again.content == begun.content


def test_a_periodic_act_is_claimed_once_when_it_is_due() -> None:
    act, now = PeriodicAct("test", timedelta(minutes=10), lambda now: None), timezone.now()
    assert claim(act, now=now)
    assert not claim(act, now=now)
    assert not claim(act, now=now + timedelta(minutes=9))
    assert claim(act, now=now + timedelta(minutes=10))
    assert not claim(act, now=now + timedelta(minutes=10))


def test_of_two_workers_that_find_an_act_due_one_runs_it() -> None:
    act, now = PeriodicAct("test", timedelta(minutes=10), lambda now: None), timezone.now()
    assert claim(act, now=now)
    later = now + timedelta(minutes=10)
    rival: list[bool] = []

    def rival_claims(execute: Execute, sql: str, params: object, many: bool, context: dict[str, object]) -> object:
        if sql.startswith("UPDATE") and not rival:
            rival.append(True)
            assert claim(act, now=later)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(rival_claims):
        assert not claim(act, now=later)
    assert rival


def test_a_log_entry_that_a_crash_left_out_comes_with_an_empty_plan_too(publisher: Publisher) -> None:
    [entry] = PublicLogEntry.objects.all()
    PublicLogEntry.objects.all().delete()
    assert publisher.publish_plan(lambda current: Plan({}), timezone.now, settle=lambda: None)
    assert PublicLogEntry.objects.get().line == entry.line
    assert Publication.objects.count() == 1
