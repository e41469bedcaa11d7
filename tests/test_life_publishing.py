"""What acts leave in signed metadata, in the process of the tests: older pages, races, and restored databases."""

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.actors import Actor
from accounts.models import User
from indexsite_client.protocol import Bins, NormalizedName, PageFile, ProjectPage, page_bytes
from packages import journal, outbox, sealing
from packages.chain import JournalHead
from packages.life import projects, releases
from packages.models import File, JournalEntry, OutboxEntry, Project, Release
from storage.contract import blob_name, the_storage
from tufsigning.ceremony import hold_development_ceremony
from tufsigning.core.documents import target_entry
from tufsigning.core.publication import Plan
from tufsigning.library import Library
from tufsigning.models import RoleHead
from tufsigning.publisher import Publisher
from tufsigning.restoration import restore_from_published

pytestmark = pytest.mark.django_db
DEMO = NormalizedName("demo")
UPLOADED = "2026-01-02T03:04:05.678901Z"


@pytest.fixture
def publisher(settings: Settings, tmp_path: Path) -> Publisher:
    """The publisher of an index whose development ceremony was just held."""
    settings.DATA, settings.BINS = tmp_path, 4
    backend = {"BACKEND": "storage.filesystem.DurableFileSystemStorage", "OPTIONS": {"location": tmp_path / "store"}}
    settings.STORAGES = {**settings.STORAGES, "default": backend}
    publisher = Publisher(Library())
    assert hold_development_ceremony(publisher, now=timezone.now())
    return publisher


@pytest.fixture
def administrator() -> Actor:
    user = User.objects.create(username="administrator", is_staff=True)
    return Actor(user.pk, user.username, is_administrator=True)


def add_file(name: str, version: str = "1.0") -> File:
    """What an upload leaves behind: bytes, rows, and a wish in the outbox."""
    content, now = f"{name} {version}".encode(), timezone.now()
    sha256 = hashlib.sha256(content).hexdigest()
    the_storage().write({blob_name(sha256): content})
    project, _ = Project.objects.get_or_create(name=name, defaults={"display_name": name, "created_at": now})
    release = Release.objects.create(project=project, version=version, created_at=now)
    filename = f"{name}-{version}.tar.gz"
    file = File.objects.create(
        release=release, filename=filename, sha256=sha256, size=len(content), uploaded_at=UPLOADED
    )
    outbox.record(project, now=now)
    return file


def page(name: str) -> ProjectPage | None:
    """The published page, as a publisher that starts now reads it."""
    library = Library()
    return library.page(library.current(), NormalizedName(name))


def filenames(name: str) -> list[str]:
    found = page(name)
    assert found is not None
    return [file.filename for file in found.files]


def targets() -> set[str]:
    """Every target of every bin."""
    library = Library()
    current = library.current()
    return {path for role in ("bin-0", "bin-1", "bin-2", "bin-3") for path in library.targets(current, role)}


def test_a_page_of_the_format_before_stays_until_its_project_changes(publisher: Publisher) -> None:
    file = add_file("demo")
    OutboxEntry.objects.all().delete()  # it was published by the version before
    entry = PageFile(file.filename, file.sha256, file.size, UPLOADED)
    content = page_bytes(ProjectPage(DEMO, (entry,), page_format=1))
    sha256 = hashlib.sha256(content).hexdigest()
    path, file_path = "demo/index.json", f"demo/{file.filename}"
    entries = {
        path: target_entry(sha256=sha256, length=len(content)),
        file_path: target_entry(sha256=file.sha256, length=file.size),
    }
    plan = {role: {each: entries[each] for each in entries if Bins(4).bin_of(each) == role} for role in ROLES}
    library = Library()
    publisher._publish(library.current(), Plan(plan), now=timezone.now(), blobs={blob_name(sha256): content})

    add_file("other")
    publisher.publish_waiting(timezone.now)
    before = page("demo")
    assert before is not None
    assert (before.page_format, page_bytes(before)) == (1, content)
    later = add_file("demo", "2.0")
    publisher.publish_waiting(timezone.now)
    after = page("demo")
    assert after is not None
    assert (after.page_format, filenames("demo")) == (2, [file.filename, later.filename])
    assert targets() == {path, file_path, f"demo/{later.filename}", "other/index.json", "other/other-1.0.tar.gz"}


ROLES = [f"bin-{number}" for number in range(4)]


def test_a_file_that_is_taken_away_while_it_is_published_is_not_called_published(
    publisher: Publisher, administrator: Actor
) -> None:
    add_file("demo")
    changes = outbox.waiting(limit=10)
    pages = outbox.project_pages([DEMO])
    projects.quarantine_project(administrator, "demo", now=timezone.now())
    assert pages[DEMO] is not None
    outbox.settle(changes, vouchers={"demo-1.0.tar.gz": "unclaimed"}, now=timezone.now())
    assert File.objects.get().state == "withheld"
    assert publisher.publish_waiting(timezone.now) == 1
    assert targets() == {"demo/index.json"}


def test_a_file_that_came_to_a_quarantined_project_in_the_same_moment_is_not_listed(
    publisher: Publisher, administrator: Actor
) -> None:
    add_file("demo")
    projects.quarantine_project(administrator, "demo", now=timezone.now())
    File.objects.update(state="waiting")  # as one whose upload began before
    publisher.publish_waiting(timezone.now)
    assert filenames("demo") == []
    projects.lift_quarantine(administrator, "demo", now=timezone.now())
    publisher.publish_waiting(timezone.now)
    assert filenames("demo") == ["demo-1.0.tar.gz"]
    assert File.objects.get().state == "published"


def test_a_project_that_was_deleted_before_it_was_published_is_settled(
    publisher: Publisher, administrator: Actor
) -> None:
    add_file("demo")
    projects.delete_project(administrator, "demo", now=timezone.now())
    assert publisher.publish_waiting(timezone.now) == 2
    assert not outbox.has_waiting()
    assert targets() == set()


def test_what_was_taken_away_after_a_backup_does_not_come_back_with_it(
    publisher: Publisher, administrator: Actor
) -> None:
    names = ["deleted", "quarantined", "yanked", "unyanked", "thinned", "same"]
    for name in names:
        add_file(name, "1.0")
        add_file(name, "2.0")
    now = timezone.now()
    releases.yank_release(administrator, "unyanked", "1.0", reason="oh", now=now)
    publisher.publish_waiting(timezone.now)
    kinds = (Project.every, Release.objects, File.every)
    backup = [list(kind.values()) for kind in kinds]

    projects.delete_project(administrator, "deleted", now=now)
    projects.quarantine_project(administrator, "quarantined", reason="malware", now=now)
    releases.yank_file(administrator, "yanked", "yanked-2.0.tar.gz", reason="broken", now=now)
    releases.unyank_release(administrator, "unyanked", "1.0", now=now)
    releases.delete_file(administrator, "thinned", "thinned-1.0.tar.gz", now=now)
    publisher.publish_waiting(timezone.now)
    signed = {name: page(name) for name in names}
    published = targets()

    for kind, rows in zip(kinds, backup, strict=True):
        for row in rows:
            kind.filter(pk=row["id"]).update(**row)
    RoleHead.objects.update(version=1)
    assert restore_from_published(Library(), now=now) > 0
    for project in Project.every.all():
        outbox.record(project, now=now)
    publisher.publish_waiting(timezone.now)
    assert {name: page(name) for name in names} == signed
    assert targets() == published
    states = dict(File.every.filter(release__project__name__in=names[:2]).values_list("filename", "state"))
    assert set(states.values()) == {"deleted", "withheld"}
    assert File.every.get(filename="thinned-1.0.tar.gz").state == "deleted"
    projects.lift_quarantine(administrator, "quarantined", now=now)
    publisher.publish_waiting(timezone.now)
    assert len(filenames("quarantined")) == 2


def test_a_quarantine_that_was_lifted_after_a_backup_does_not_come_back_either(
    publisher: Publisher, administrator: Actor
) -> None:
    add_file("demo")
    projects.quarantine_project(administrator, "demo", reason="malware", now=timezone.now())
    publisher.publish_waiting(timezone.now)
    backup = Project.objects.values().get()
    projects.lift_quarantine(administrator, "demo", now=timezone.now())
    publisher.publish_waiting(timezone.now)
    Project.objects.update(**backup)
    File.objects.update(state="withheld", voucher="")
    RoleHead.objects.update(version=1)
    assert restore_from_published(Library(), now=timezone.now()) > 0
    project = Project.objects.get()
    assert (project.status, project.status_reason, project.status_before) == ("active", "", "")
    outbox.record(project, now=timezone.now())
    publisher.publish_waiting(timezone.now)
    assert filenames("demo") == ["demo-1.0.tar.gz"]
    assert File.objects.get().state == "published"


# --- the chain ---


def write(act: str, *, pk: int | None = None) -> JournalEntry:
    entry = journal.entry(act, now=timezone.now(), project="demo")
    entry.pk = pk
    entry.save(force_insert=True)
    return entry


def test_entries_that_commit_out_of_order_are_all_sealed_once(publisher: Publisher) -> None:
    now = timezone.now()
    first = sealing.seal_journal(now=now)
    write("one", pk=1001)
    second = sealing.seal_journal(now=now)
    write("late", pk=1000)
    third = sealing.seal_journal(now=now)
    assert sealing.seal_journal(now=now) == third == sealing.head_of_chain()
    assert [head.entries - first.entries for head in (second, third)] == [1, 2]
    assert list(JournalEntry.objects.order_by("number").values_list("pk", flat=True))[-2:] == [1001, 1000]
    assert list(sealing.find_faults(signed=third)) == []
    assert sealing.count_unsealed() == 0


def test_a_chain_without_the_head_that_was_signed_says_so_once_and_for_ever(publisher: Publisher) -> None:
    now = timezone.now()
    write("one")
    signed = sealing.seal_journal(now=now)
    write("two")
    assert sealing.seal_journal(published=signed, now=now).entries == signed.entries + 1
    lost = JournalHead(signed.entries + 7, "f" * 64)
    for published in (lost, JournalHead(signed.entries, "f" * 64)):
        sealing.seal_journal(published=published, now=now)
        last = JournalEntry.objects.order_by("-number")[0]
        assert (last.act, last.details) == (
            "journal.broken",
            {"entries": published.entries, "sha256": published.sha256},
        )


def test_the_snapshot_names_the_head_and_a_renewal_the_same(publisher: Publisher) -> None:
    add_file("demo")
    write("one")
    publisher.publish_waiting(timezone.now)
    head = sealing.head_of_chain()
    assert Library().current().journal == {"entries": head.entries, "sha256": head.sha256}
    later = timezone.now() + timedelta(days=5)
    assert publisher.renew(lambda: later, renew_offline=lambda current: ())
    assert Library().current().journal == {"entries": head.entries, "sha256": head.sha256}
    assert not JournalEntry.objects.filter(act="journal.broken").exists()
