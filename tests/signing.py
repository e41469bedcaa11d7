"""An index that is signed in the process of the tests: its publisher, and what uploads leave behind."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.utils import timezone
from pytest_django import Settings

from packages import outbox
from packages.models import File, Project, Release
from storage.contract import blob_name, the_storage
from tufsigning.ceremony import hold_development_ceremony
from tufsigning.library import Library
from tufsigning.publisher import Publisher

FILES = "storage.filesystem.DurableFileSystemStorage"


def signed_index(settings: Settings, folder: Path, *, bins: int = 4, backend: str = FILES) -> Publisher:
    """The publisher of an index in this folder whose development ceremony was just held."""
    store = {"BACKEND": backend, "OPTIONS": {"location": folder / "store"}}
    return signed_index_on(settings, folder, store, bins=bins)


def signed_index_on(
    settings: Settings,
    folder: Path,
    backend: Mapping[str, Any],
    *,
    bins: int = 4,  # Any: of any backend
) -> Publisher:
    """The same on any store."""
    settings.DATA, settings.BINS = folder, bins
    settings.STORAGES = {**settings.STORAGES, "default": backend}
    publisher = Publisher(Library())
    assert hold_development_ceremony(publisher, now=timezone.now())
    return publisher


def add_file(name: str, version: str = "1.0", *, metadata: bytes = b"") -> File:
    """What an upload leaves behind: bytes, rows, and a wish in the outbox."""
    content, now = f"{name} {version}".encode(), timezone.now()
    sha256, metadata_sha256 = (hashlib.sha256(each).hexdigest() if each else "" for each in (content, metadata))
    blobs = {blob_name(sha256): content, **({blob_name(metadata_sha256): metadata} if metadata else {})}
    the_storage().write(blobs)
    project, _ = Project.objects.get_or_create(name=name, defaults={"display_name": name, "created_at": now})
    release = Release.objects.create(project=project, version=version, created_at=now)
    file = File.objects.create(
        release=release,
        filename=f"{name}-{version}.tar.gz",
        sha256=sha256,
        size=len(content),
        uploaded_at=now,
        metadata_sha256=metadata_sha256,
        metadata_is_static=bool(metadata),
    )
    outbox.record(project, now=now)
    return file
