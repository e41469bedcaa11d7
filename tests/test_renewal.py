"""Renewal by the publisher: slices, with waiting uploads in between, and lives that the settings say."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from indexsite_client.protocol import read_expiry
from storage.contract import document_name
from tests.signing import add_file, signed_index
from tufsigning.ceremony import renew_development_roles
from tufsigning.core.carrying import split_bin
from tufsigning.core.documents import read_signed, split_document
from tufsigning.core.renewal import FEWEST, LATE_SLICE
from tufsigning.errors import StoreDamagedError
from tufsigning.library import Library, read_document
from tufsigning.models import Publication, RoleHead
from tufsigning.publisher import Publisher

pytestmark = pytest.mark.django_db


def test_waiting_uploads_go_between_the_slices_of_a_long_renewal(settings: Settings, tmp_path: Path) -> None:
    publisher = signed_index(settings, tmp_path, bins=1024)
    later = timezone.now() + timedelta(days=50)
    file = add_file("demo")
    first = Publication.objects.get()
    renewed = publisher.renew(lambda: later, renew_offline=lambda current: renew_development_roles(current, now=later))
    assert renewed >= 1024
    sizes = list(Publication.objects.exclude(pk=first.pk).order_by("number").values_list("documents", flat=True))
    upload = sizes.pop(1)  # between the two
    assert upload <= 4
    assert len(sizes) == 2
    assert max(sizes) <= LATE_SLICE + 8
    file.refresh_from_db()
    assert file.state == "published"
    assert not RoleHead.objects.filter(expires_at__lt=later + timedelta(hours=23)).exists()
    current = Library().current()
    for role in current.entries.roles():
        assert read_expiry(read_signed(read_document(role, current.entries[role]))) > later, role


def test_bins_that_are_due_in_one_second_are_renewed_a_slice_at_a_run(settings: Settings, tmp_path: Path) -> None:
    publisher = signed_index(settings, tmp_path, bins=128)
    half = timezone.now() + timedelta(days=3.6)
    for expected in (FEWEST, 128, 128):
        publisher.renew(lambda: half, renew_offline=lambda current: ())
        fresh = RoleHead.objects.filter(role__startswith="bin-", expires_at__gt=half + timedelta(days=6))
        assert fresh.count() == expected


def test_lives_are_those_of_the_settings(settings: Settings, tmp_path: Path) -> None:
    settings.SNAPSHOT_DAYS, settings.BIN_DAYS = 1, 3
    signed_index(settings, tmp_path)
    current = Library().current()
    now = timezone.now()
    bins = read_document("bin-0", current.entries["bin-0"])
    for content, days in ((current.snapshot, 1), (bins, 3), (current.upper["recently-claimed"], 3)):
        left = read_expiry(read_signed(content)) - now
        assert timedelta(days=days) - timedelta(minutes=1) < left <= timedelta(days=days)


def tamper(folder: Path, name: str, before: bytes, after: bytes) -> None:
    """What somebody does who may write to the store: as many bytes as before, for the snapshot says how many."""
    path = folder / "store" / name
    content = path.read_bytes()
    assert before in content
    assert len(before) == len(after)
    path.write_bytes(content.replace(before, after))


def test_a_bin_that_was_changed_in_the_store_is_never_signed_again(settings: Settings, tmp_path: Path) -> None:
    publisher, later = signed_index(settings, tmp_path, bins=2), timezone.now() + timedelta(days=5)
    file = add_file("demo")
    publisher.publish_waiting(timezone.now)
    current = Library().current()
    changed = current.bins.bin_of(f"demo/{file.filename}")
    name = document_name(changed, current.entries[changed]["version"])
    tamper(tmp_path, name, file.sha256.encode(), b"f" * 64)
    with pytest.raises(StoreDamagedError, match=changed):
        Publisher(Library()).renew(lambda: later, renew_offline=lambda current: ())
    assert Library().current().timestamp == current.timestamp
    signed = [path.read_bytes() for path in (tmp_path / "store" / "metadata").glob(f"*.{changed}.json")]
    assert sum(b"f" * 64 in content for content in signed) == 1  # the changed one itself


def test_a_renewed_bin_lists_the_same_bytes(settings: Settings, tmp_path: Path) -> None:
    publisher, later = signed_index(settings, tmp_path, bins=2), timezone.now() + timedelta(days=5)
    for name in ("demo", "other"):
        add_file(name)
    publisher.publish_waiting(timezone.now)
    before = Library().current()
    assert publisher.renew(lambda: later, renew_offline=lambda current: ()) >= 2
    after, library = Library().current(), Library()
    for role in before.bins.names():
        assert after.entries[role]["version"] > before.entries[role]["version"]
        old, new = (split_bin(split_document(library.content(each, role))[1]) for each in (before, after))
        assert old.targets == new.targets
    assert sum(len(library.targets(after, role)) for role in after.bins.names()) == 4  # a file and a page each
