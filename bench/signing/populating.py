"""An index with many targets, made by its own first publication; and releases as an accepted upload leaves them."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from django.db import transaction
from django.utils import timezone

from indexsite_client.protocol import Json, NormalizedName, file_target_path
from packages import outbox
from packages.models import File, Project, Release
from storage.contract import blob_name, the_storage
from tufsigning.core.documents import target_entry
from tufsigning.core.publication import Current, Plan
from tufsigning.library import Library
from tufsigning.publisher import Publisher

FILES_OF_A_PROJECT = 10


class PopulatingPublisher(Publisher):
    """Publishes the ceremony's empty bins with entries of files in them. Their bytes are nowhere: nobody asks."""

    def __init__(self, library: Library, *, targets: int) -> None:
        super().__init__(library)
        self._wanted = targets

    def publish_first(self, start: Current, plan: Plan, *, now: datetime) -> None:
        """Sign, store, record and check all of it as any publication."""
        targets: dict[str, dict[str, Json]] = {role: dict(entries) for role, entries in plan.targets.items()}
        for path in target_paths(self._wanted):
            digest = hashlib.sha256(path.encode()).hexdigest()
            entry = target_entry(sha256=digest, length=10_000 + int(digest[:4], 16))
            targets[start.bins.bin_of(path)][path] = entry
        super().publish_first(start, replace(plan, targets=MappingProxyType(targets)), now=now)


def target_paths(count: int) -> Iterator[str]:
    """Plausible target paths."""
    for number in range(count):
        name, version = f"populated{number // FILES_OF_A_PROJECT:06}", f"1.{number % FILES_OF_A_PROJECT}"
        yield file_target_path(NormalizedName(name), f"{name}-{version}-py3-none-any.whl")


def add_release(name: str, number: int) -> None:
    """A stored file, its rows and its outbox entry: the state after an upload was answered 200."""
    content = f"{name} {number}".encode()
    digest, now = hashlib.sha256(content).hexdigest(), timezone.now()
    the_storage().write({blob_name(digest): content})
    with transaction.atomic():
        project, _ = Project.objects.get_or_create(name=name, defaults={"display_name": name, "created_at": now})
        release = Release.objects.create(project=project, version=f"1.{number}", created_at=now)
        File.objects.create(
            release=release,
            filename=f"{name}-1.{number}-py3-none-any.whl",
            sha256=digest,
            size=len(content),
            uploaded_at=now,
        )
        outbox.record(project, now=now)
