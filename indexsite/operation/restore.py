"""Putting a backup back: all of it is verified first, the timestamp comes last, and every role moves forward after it.

What clients may have seen since the backup is not known. So every online role is raised beyond what it can have
reached, and marked as due: the next start signs all of them anew before it is ready, and whoever saw newer metadata
goes on (DESIGN, sections 4 and 5). A store that still holds a newer publication of the same index keeps it; what it has
and the backup lacks comes back.

Killed at any point, it is repeated: `restore-in-progress` in the data folder says with which backup, and keeps `serve`
from starting on half of one.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import Q

from accounts.models import User
from indexsite.operation.archive import MANIFEST, Kept, Manifest, check_whole, chunks_of, keep, listed, read_manifest
from indexsite.operation.backup import published_documents, published_pages
from indexsite.operation.errors import CannotRestoreError
from indexsite.operation.rows import drop_tables, load_rows, make_schema, unknown_migrations
from indexsite_client.protocol import BIN_PREFIX, EXTENSION, RECENTLY_CLAIMED, SNAPSHOT
from indexsite_client.protocol import TIMESTAMP as TIMESTAMP_ROLE
from packages import journal
from storage.contract import TIMESTAMP, DurableStorage, blob_name, read_bytes, the_storage
from tufsigning import records
from tufsigning.core.documents import read_signed
from tufsigning.errors import TrustError
from tufsigning.keys import key_folder
from tufsigning.library import MAX_TIMESTAMP, Library
from tufsigning.models import RoleHead
from tufsigning.restoration import restore_from_published

IN_PROGRESS = "restore-in-progress"  # in the data folder
_AHEAD = 86_400  # publications by which the versions may have outrun the clock
_LARGE = 8 * 1024 * 1024


def restore_backup(folder: Path, *, now: datetime, replace: bool, say: Callable[[str], None]) -> Manifest:
    """Verify the folder's backup, then make this index what it was. Raises OperationError before anything changes."""
    manifest = read_manifest(folder)
    _check_known(manifest)
    say(f"the backup of {manifest.made_at} is read and verified.")
    count = check_whole(folder, manifest)
    backed_up = (folder / manifest.generation / "timestamp.json").read_bytes()
    _check_target(folder, manifest, replace=replace)
    _begin(folder)
    say(f"it is whole: {count} blobs and documents are put into the store.")
    _put_into_store(folder, manifest)
    say("the database is made.")
    drop_tables()
    load_rows(manifest.paths(folder), make_schema(manifest.migrations))
    if connection.vendor == "sqlite":  # sessions and password hashes are in it
        os.chmod(str(connection.settings_dict["NAME"]), 0o600)
    call_command("migrate", interactive=False, verbosity=0)
    _restore_online_key(folder)
    _make_visible(backed_up)
    restored = restore_from_published(Library(), now=now)
    _move_forward(manifest, now=now)
    (Path(settings.DATA) / IN_PROGRESS).unlink()
    say(f"done; {restored} newer roles and files of the store were kept." if restored else "done.")
    return manifest


def missing_keys() -> list[str]:
    """Sentences about keys that no backup holds, and what to do."""
    said, folder = [], key_folder()
    if not settings.ONLINE_KEY.get_secret_value() and not (folder / "online.pem").exists():
        said.append(f"The online key is missing: put it back as {folder / 'online.pem'}, or set INDEXSITE_ONLINE_KEY.")
    if not (folder / "offline").is_dir() and Library().current().is_development:
        said.append(
            f"The offline keys of a development ceremony are never in a backup: put {folder / 'offline'} back, or the"
            " offline roles expire."
        )
    return said


def _check_known(manifest: Manifest) -> None:
    if unknown := unknown_migrations(manifest.migrations):
        app, name = unknown[0]
        raise CannotRestoreError(
            f"A newer Indexsite made this backup (it has {app}.{name}); restore with that version."
        )


def _check_target(folder: Path, manifest: Manifest, *, replace: bool) -> None:
    """Nothing of value is overwritten unasked, and no two indexes are mixed."""
    timestamp = read_bytes(TIMESTAMP, limit=MAX_TIMESTAMP)
    if timestamp is not None and read_signed(timestamp)[EXTENSION]["index"] != manifest.index_id:
        raise CannotRestoreError("The store holds another index; empty it, or set INDEXSITE_STORAGE_URL.")
    if replace or _begun(folder):
        return
    tables = connection.introspection.table_names()
    if timestamp is not None or (User._meta.db_table in tables and User.objects.exists()):
        raise CannotRestoreError("There is an index here already; restore --replace puts the backup in its place.")


def _begun(folder: Path) -> bool:
    mark = Path(settings.DATA) / IN_PROGRESS
    return mark.exists() and mark.read_text() == _identity(folder)


def _begin(folder: Path) -> None:
    keep(Path(settings.DATA) / IN_PROGRESS, iter([_identity(folder).encode()]))
    os.sync()


def _identity(folder: Path) -> str:
    return hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()


def _put_into_store(folder: Path, manifest: Manifest) -> None:
    store = the_storage()
    for kept in listed(folder, manifest):
        if _is_there(store, kept):
            continue
        source = folder / "store" / kept.name
        if kept.size < _LARGE:
            store.write({kept.name: source.read_bytes()})
            continue
        descriptor, temporary = tempfile.mkstemp(prefix="restore-", dir=store.incoming_folder())
        with os.fdopen(descriptor, "wb") as target, source.open("rb") as file:
            for chunk in chunks_of(file):
                target.write(chunk)
        store.write({kept.name: Path(temporary)})


def _is_there(store: DurableStorage, kept: Kept) -> bool:
    """Whether the store has it, whole: what was damaged there is why one restores."""
    if not store.exists(kept.name) or store.size(kept.name) != kept.size:
        return False
    digest = hashlib.sha256()
    with store.open(kept.name) as file:
        for chunk in chunks_of(file):
            digest.update(chunk)
    return digest.hexdigest() == kept.sha256


def _restore_online_key(folder: Path) -> None:
    source, target = folder / "keys" / "online.pem", key_folder() / "online.pem"
    if source.exists() and not target.exists():
        key_folder().mkdir(parents=True, exist_ok=True, mode=0o700)
        with source.open("rb") as key:
            keep(target, chunks_of(key))


def _make_visible(backed_up: bytes) -> None:
    """The backup's timestamp, unless the store has a newer one whose documents and pages are all there."""
    present = read_bytes(TIMESTAMP, limit=MAX_TIMESTAMP)
    if present is not None and _number(present) >= _number(backed_up) and _is_whole():
        return
    the_storage().replace(TIMESTAMP, backed_up, expected=present)


def _is_whole() -> bool:
    library, store = Library(), the_storage()
    try:
        current = library.current()
        documents = all(store.exists(name) for name in published_documents(current))
        return documents and all(store.exists(blob_name(sha256)) for sha256, _ in published_pages(library, current))
    except TrustError:
        return False


def _number(timestamp: bytes) -> int:
    return int(read_signed(timestamp)["meta"]["snapshot.json"]["version"])


def _move_forward(manifest: Manifest, *, now: datetime) -> None:
    """Raise the online roles beyond what clients can have seen, and mark them as due."""
    tops = Q(role__in=[RECENTLY_CLAIMED, SNAPSHOT, TIMESTAMP_ROLE])
    online = RoleHead.objects.filter(tops | Q(role__startswith=f"{BIN_PREFIX}-"))
    floor = int(now.timestamp()) + _AHEAD
    versions = {role: max(version, floor) for role, version in online.values_list("role", "version")}
    with transaction.atomic():
        records.raise_heads(versions)
        online.update(expires_at=None)
        journal.entry("index.restored", now=now, made_at=manifest.made_at, publication=manifest.publication).save()
