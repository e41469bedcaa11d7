"""What an export may remove again: nothing that somebody may still ask for, and then all of it."""

import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from packages import outbox
from packages.models import File, Project
from tests.exports import assert_complete, export_one_file, listed, publish, tree_of
from tests.signing import add_file, signed_index
from tufsigning.export.exporting import export
from tufsigning.export.removing import remove_unreached
from tufsigning.export.tree import Tree
from tufsigning.library import Library
from tufsigning.pruning import reach_since
from tufsigning.publisher import Publisher

pytestmark = pytest.mark.django_db


@pytest.fixture
def publisher(settings: Settings, tmp_path: Path) -> Publisher:
    return signed_index(settings, tmp_path / "data")


@pytest.fixture
def folder(publisher: Publisher, tmp_path: Path) -> Path:
    return export_one_file(publisher, tmp_path / "tree")


def age(folder: Path, known: set[str], moment: datetime) -> None:
    """What is new in the tree was written at that moment."""
    for name in set(tree_of(folder)) - known:
        os.utime(folder / name, (moment.timestamp(), moment.timestamp()))


def test_what_nothing_needs_any_more_is_removed_when_that_is_asked_for(publisher: Publisher, folder: Path) -> None:
    start, gone = timezone.now(), File.objects.get()
    gone_at, last_at = start + timedelta(days=1), start + timedelta(days=30)
    age(folder, set(), start)
    known = set(tree_of(folder))
    Project.objects.update(status=Project.Status.DELETED)
    outbox.record(gone.release.project, now=gone_at)
    assert publisher.publish_waiting(lambda: gone_at)
    export(Tree(folder), Library())
    age(folder, known, gone_at)
    known = set(tree_of(folder))
    add_file("other", "1.0")
    assert publisher.publish_waiting(lambda: last_at)
    export(Tree(folder), Library())
    age(folder, known, last_at)
    strange = folder / "files" / "README"
    strange.write_text("not ours")
    os.utime(strange, (0, 0))
    assert list(folder.glob("integrity/demo/1.0/*/provenance"))
    before = tree_of(folder)

    def remove(moment: datetime) -> int:
        library = Library()
        reach = reach_since(moment, library, library.current())
        return remove_unreached(Tree(folder), reach, until=moment) if reach else 0

    assert remove(start - timedelta(days=1)) == 0  # nothing was published yet: all is younger
    assert remove(start + timedelta(hours=1)) == 0  # its publication was live then
    assert tree_of(folder) == before
    removed = remove(start + timedelta(days=2))
    left = set(tree_of(folder))
    assert removed == len(set(before) - left) > 3
    assert not list(folder.glob(f"files/{gone.sha256}*"))
    assert not list(folder.glob("tuf/targets/demo*"))
    assert not list(folder.glob("integrity/*"))
    assert {"tuf/metadata/1.root.json", "tuf/metadata/1.root.json.gz", "files/README"} <= left
    assert list(listed(folder)) == ["other"]
    assert_complete(folder)
    assert remove(start + timedelta(days=2)) == 0


def test_a_provenance_stays_as_long_as_the_file_that_it_is_about(publisher: Publisher, folder: Path) -> None:
    add_file("demo", "2.0")
    publish(publisher)
    export(Tree(folder), Library())
    for name in tree_of(folder):
        os.utime(folder / name, (0, 0))
    later = timezone.now() + timedelta(days=30)
    library = Library()
    reach = reach_since(later, library, library.current())
    assert reach is not None
    assert remove_unreached(Tree(folder), reach, until=later) > 0  # of the publication before
    assert list(folder.glob("integrity/demo/1.0/demo-1.0.tar.gz/provenance"))
