"""An index on which years pass in a test, and a store in which something else may happen meanwhile."""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from django.utils import timezone
from pytest_django import Settings

from packages import outbox
from packages.models import File
from storage.contract import BLOBS, METADATA, StoredFile, blob_name, the_storage
from storage.filesystem import DurableFileSystemStorage
from tests.signing import add_file, signed_index
from tufsigning.library import Library
from tufsigning.pruning import Pruned, prune

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


def begin_years(settings: Settings, folder: Path) -> Years:
    """On a new index, to which nothing happens meanwhile."""
    InterruptedStorage.meanwhile, InterruptedStorage.listed = [], []
    return Years(settings, folder)


def assert_whole() -> None:
    """Everything that the live publication reaches is there, and every root."""
    library = Library()
    current = library.current()
    assert current.roots
    for role in current.entries.roles():
        for entry in library.targets(current, role).values():
            assert the_storage().exists(blob_name(entry["hashes"]["sha256"]))


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
