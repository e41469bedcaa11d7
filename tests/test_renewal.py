"""Renewal by the publisher: slices, with waiting uploads in between, and lives that the settings say."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from indexsite_client.protocol import read_expiry
from tests.signing import add_file, signed_index
from tufsigning.ceremony import renew_development_roles
from tufsigning.core.documents import read_signed
from tufsigning.core.renewal import FEWEST, LATE_SLICE
from tufsigning.library import Library, read_document
from tufsigning.models import Publication, RoleHead

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
