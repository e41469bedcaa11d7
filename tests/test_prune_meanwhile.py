"""Pruning while uploads and publications go on, after a crash, and on an index where nothing may be pruned."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from pytest_django import Settings

from storage.contract import METADATA, blob_name, document_name, the_storage
from tests.years import InterruptedStorage, Years, assert_whole, begin_years, page_of, set_yanked
from tufsigning.errors import StoreDamagedError
from tufsigning.library import Library
from tufsigning.models import RoleHead
from tufsigning.pruning import PruneRefusedError, prune

pytestmark = pytest.mark.django_db


@pytest.fixture
def years(settings: Settings, tmp_path: Path) -> Years:
    return begin_years(settings, tmp_path)


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
