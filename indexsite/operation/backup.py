"""Taking a backup while the index serves, so that it never has a row without its blob, nor promises what it lacks.

The order, and why:

1. A snapshot of the database is opened, and timestamp.json is read after it. An outbox entry is settled after its
   publication became visible, so whatever this snapshot calls published is in this timestamp. The other way round a
   file could be "published" in the rows and missing from the signed page for ever.
2. A timestamp that the snapshot does not know (it became visible in between) is not taken: both are read again. So the
   rows know every version that the timestamp reaches, and every file of its pages has its row, with its owner.
3. The rows are written from that one snapshot. Then the documents and pages that the timestamp reaches, and the blobs
   of the rows, are copied. A blob is durable before its row is committed, documents before their timestamp is visible,
   and neither ever changes: what comes later can only be there. Each is hashed on the way.
4. The manifest is replaced last. A backup that was killed leaves the one before as it was.

Left out: the offline keys of a development ceremony always, the online key unless asked for, the key of sessions and
the sessions, and what a running index has in hand (nudges, leases, half-received uploads).
"""

import fcntl
import gzip
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from django.conf import settings

from indexsite.operation.archive import (
    MANIFEST,
    Kept,
    Manifest,
    chunks_of,
    digest_of,
    keep,
    listed,
    read_manifest,
    write_manifest,
)
from indexsite.operation.errors import BackupFaultyError, CannotBackUpError
from indexsite.operation.rows import applied_migrations, one_snapshot, write_rows
from indexsite_client.protocol import INDEX_PAGE, ROOT, SNAPSHOT
from packages.attestations.models import FileProvenance
from packages.models import File
from storage.contract import METADATA, blob_name, document_name, the_storage
from tufsigning.core.documents import read_signed
from tufsigning.core.publication import Current
from tufsigning.errors import StoreDamagedError
from tufsigning.keys import key_folder
from tufsigning.library import Library
from tufsigning.models import Publication

_TRIES = 50
_MARK = ".indexsite-backup"


def take_backup(folder: Path, *, now: datetime, with_online_key: bool = False) -> Manifest:
    """Bring the folder up to a backup of now; what is there already is not copied again.

    Raises CannotBackUpError, TrustError or OSError; the backup that the folder held before is then still whole.
    """
    library = Library()
    library.current()  # an index that was never set up says so in a sentence
    with _folder_of_ours(folder):
        before = _backup_before(folder)
        generation = f"{now:%Y%m%dT%H%M%S%fZ}"
        for _ in range(_TRIES):
            with one_snapshot():
                current = library.current()
                if _is_known(current):
                    manifest = _copy(folder, library, current, generation, now=now)
                    break
        else:
            raise CannotBackUpError("The index published too often to catch it in between; try again.")
        if before and before.index_id != manifest.index_id:
            raise CannotBackUpError(f"{folder} holds a backup of another index; choose another folder.")
        if with_online_key:
            _keep_online_key(folder)
        write_manifest(folder, manifest)
        _remove_superseded(folder, manifest)
    return manifest


@contextmanager
def _folder_of_ours(folder: Path) -> Iterator[None]:
    """The folder, for its owner only, held against other backups."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    mark = folder / _MARK
    if not mark.exists() and any(folder.iterdir()):
        raise CannotBackUpError(f"{folder} is not empty and holds no backup; choose a folder for backups alone.")
    with open(mark, "ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CannotBackUpError(f"Another backup into {folder} is running.") from error
        yield


def _backup_before(folder: Path) -> Manifest | None:
    try:
        return read_manifest(folder) if (folder / MANIFEST).exists() else None
    except BackupFaultyError:
        return None  # it is replaced


def _is_known(current: Current) -> bool:
    """Whether the rows know this publication, and by that everything that it shows."""
    return Publication.objects.filter(number=read_signed(current.snapshot)["version"]).exists()


def _copy(folder: Path, library: Library, current: Current, generation: str, *, now: datetime) -> Manifest:
    """Inside the snapshot: rows, then bytes."""
    migrations = applied_migrations()
    if not migrations:
        raise CannotBackUpError("The database is not migrated to this program; start 'manage.py serve' once.")
    rows = folder / generation / "rows"
    rows.mkdir(parents=True)
    files = [digest_of(path) for path in write_rows(rows)]
    stored = folder / generation / "stored.gz"
    with gzip.open(stored, "wt", compresslevel=3, encoding="utf-8") as lines:
        for kept in _keep_bytes(folder / "store", library, current):
            lines.write(f"{kept.name} {kept.sha256} {kept.size}\n")
    files += [digest_of(stored), keep(folder / generation / "timestamp.json", iter([current.timestamp]))]
    return Manifest(
        made_at=now.isoformat(),
        index_id=current.index_id,
        publication=read_signed(current.snapshot)["version"],
        migrations=migrations,
        generation=generation,
        files=[Kept(str(Path(file.name).relative_to(folder)), file.sha256, file.size) for file in files],
    )


def _keep_bytes(store: Path, library: Library, current: Current) -> Iterator[Kept]:
    for name in published_documents(current):
        yield _keep_one(store, name)
    for sha256, size in published_pages(library, current):
        yield _keep_one(store, blob_name(sha256), sha256, size)
    for sha256, size, metadata in File.objects.values_list("sha256", "size", "metadata_sha256").iterator():
        yield _keep_one(store, blob_name(sha256), sha256, size)
        if metadata:
            yield _keep_one(store, blob_name(metadata), metadata)
    kept_files = FileProvenance.objects.exclude(file__state=File.State.DELETED)
    for sha256 in kept_files.values_list("sha256", flat=True).iterator():
        yield _keep_one(store, blob_name(sha256), sha256)


def published_documents(current: Current) -> Iterator[str]:
    """The names of every root, and of every document that the timestamp reaches."""
    yield from (document_name(ROOT, version) for version in range(1, current.root_version + 1))
    yield document_name(SNAPSHOT, read_signed(current.timestamp)["meta"]["snapshot.json"]["version"])
    yield from (document_name(role, current.entries[role]["version"]) for role in current.roles())


def published_pages(library: Library, current: Current) -> Iterator[tuple[str, int]]:
    """SHA-256 and size of every signed page. Raises StoreDamagedError where a document is not what was signed."""
    for role in current.roles():
        for path, entry in library.targets(current, role).items():
            if path.endswith(f"/{INDEX_PAGE}"):
                yield entry["hashes"]["sha256"], entry["length"]


def _keep_one(store: Path, name: str, sha256: str = "", size: int | None = None) -> Kept:
    """Copy one from the store, unless it is here: names are given once, and for good."""
    path = store / name
    if path.exists() and size in {None, path.stat().st_size}:
        return Kept(name, sha256 or digest_of(path).sha256, path.stat().st_size)
    try:
        with the_storage().open(name) as file:
            kept = keep(path, chunks_of(file))
    except FileNotFoundError as error:
        raise StoreDamagedError(name, "is missing") from error
    if sha256 not in {"", kept.sha256}:
        path.unlink()
        raise StoreDamagedError(name, "is not what was stored")
    return Kept(name, kept.sha256, kept.size)


def _keep_online_key(folder: Path) -> None:
    scheme, _, path = (settings.ONLINE_KEY.get_secret_value() or f"file:{key_folder() / 'online.pem'}").partition(":")
    if scheme != "file":
        raise CannotBackUpError(f"The online key lies at {scheme}:, which gives no copy; leave out --with-online-key.")
    with open(path, "rb") as key:
        keep(folder / "keys" / "online.pem", chunks_of(key))  # 0600, as every file here


def _remove_superseded(folder: Path, manifest: Manifest) -> None:
    """Older generations, and the documents that no backup here refers to any more. Blobs stay."""
    wanted = {Path(kept.name).name for kept in listed(folder, manifest) if kept.name.startswith(f"{METADATA}/")}
    for path in (folder / "store" / METADATA).iterdir():
        if path.name not in wanted:
            path.unlink()
    for path in folder.iterdir():
        if path.is_dir() and path.name not in {"store", "keys", manifest.generation}:
            shutil.rmtree(path)
    os.sync()
