"""What every start of `serve` makes sure of before a part runs: a migrated database, a signed index, a first user."""

import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from accounts.models import User
from indexsite.operation.restore import IN_PROGRESS
from indexsite.serving.errors import CannotServeError
from storage.contract import the_storage
from tufsigning.ceremony import hold_development_ceremony, renew_development_roles
from tufsigning.clock import signing_time
from tufsigning.core.offline import OfflineDocuments
from tufsigning.importing import check_import, finish_import, take_documents
from tufsigning.library import Library
from tufsigning.publisher import Publisher
from tufsigning.records import drop_lease
from tufsigning.restoration import restore_from_published

FIRST_USER = "admin"
_KEPT_COPIES = 3
_LOCK = 0x1DE85173  # ours among a database's advisory locks
_NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "glusterfs", "fuse.sshfs", "fuse.glusterfs"}
)


def prepare_index(*, now: datetime, ceremony: OfflineDocuments | None = None) -> list[str]:
    """Bring the index up to where its parts can run; returns sentences about what was done.

    A new index begins with the documents of a real `ceremony`, which are checked, or holds a development ceremony.
    Raises CannotServeError or TrustError. Each step is safe to repeat after a crash in any of them, and of several
    machines that do this on one database, one does it while the others wait.
    """
    check_data_folder(Path(settings.DATA))
    if (Path(settings.DATA) / IN_PROGRESS).exists():
        raise CannotServeError("A restore was interrupted; run 'manage.py restore FOLDER' again before you serve.")
    with _alone_on_the_database():
        return _prepare(now, ceremony)


def _prepare(now: datetime, ceremony: OfflineDocuments | None) -> list[str]:
    said = _migrate(now)
    the_storage().check()
    publisher = Publisher(library := Library())
    if connection.vendor == "sqlite":
        drop_lease()  # `serve` is alone on its data folder: whoever holds it was killed
    if ceremony is not None:
        check_import(ceremony, current=None, begins_chain=True, now=signing_time())
        take_documents(ceremony, begins_chain=True, now=now)
    if finish_import(publisher, signing_time):
        said.append("published the documents of the offline keys.")
    if hold_development_ceremony(publisher, now=now):
        said.append("made the keys and signed metadata of a development index.")
    if restored := restore_from_published(library, now=now):
        said.append(f"brought back {restored} roles and files that the database lacked.")
    renewed = publisher.renew(signing_time, renew_offline=lambda current: renew_development_roles(current, now=now))
    if renewed:
        said.append(f"renewed {renewed} roles that neared their expiry.")
    if _make_first_user():
        said.append(f"made the user {FIRST_USER}.")
    if _forget_first_password():
        said.append("removed the file first-sign-in: its password is no longer in use.")
    return said


@contextmanager
def _alone_on_the_database() -> Iterator[None]:
    """PostgreSQL's advisory lock, which ends with its connection; `serve` holds the folder of SQLite's."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def check_data_folder(folder: Path) -> None:
    """Raise CannotServeError unless the folder is there, writable, and on a disk of this machine."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe = folder / f".probe-{secrets.token_hex(8)}"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise CannotServeError(
            f"The data folder {folder} cannot be written ({error.strerror}); choose another with INDEXSITE_DATA."
        ) from error
    kind = _file_system(folder)
    if connection.vendor == "sqlite" and kind in _NETWORK:
        raise CannotServeError(
            f"The data folder {folder} lies on a network file system ({kind}), on which SQLite loses data;"
            " choose a local INDEXSITE_DATA, or PostgreSQL with INDEXSITE_DATABASE_URL."
        )


def _file_system(folder: Path) -> str:
    """The kind of file system a folder lies on, as far as the system tells (Linux)."""
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return ""
    fields = [line.split() for line in mounts.read_text(errors="replace").splitlines()]
    above = {str(each) for each in [folder.resolve(), *folder.resolve().parents]}
    found = [(len(each[1]), each[2]) for each in fields if each[1] in above]
    return max(found, default=(0, ""))[1]


def _migrate(now: datetime) -> list[str]:
    executor = MigrationExecutor(connection)
    unknown = {key for key in executor.loader.applied_migrations if key not in executor.loader.disk_migrations}
    if unknown:
        app, name = sorted(unknown)[0]
        raise CannotServeError(
            f"The database was made by a newer Indexsite (it has {app}.{name}); start that version, or restore the copy"
            f" that it left in {settings.DATA}."
        )
    if not executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return []
    is_new = not executor.loader.applied_migrations
    if connection.vendor == "sqlite":  # sessions and password hashes are in it; its journals follow its mode
        os.chmod(str(settings.DATABASES["default"]["NAME"]), 0o600)
    if not is_new:
        _copy_database(now)
    call_command("migrate", interactive=False, verbosity=0)
    return ["made the database." if is_new else "migrated the database."]


def _copy_database(now: datetime) -> None:
    """Keep a copy of an SQLite database before it is changed; PostgreSQL has backups of its own."""
    if connection.vendor != "sqlite":
        return
    folder = Path(settings.DATA)
    copy = folder / f"before-migration-{now:%Y%m%d-%H%M%S}.sqlite3"
    with (
        closing(sqlite3.connect(str(settings.DATABASES["default"]["NAME"]))) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        os.chmod(copy, 0o600)
        source.backup(target)
    for old in sorted(folder.glob("before-migration-*.sqlite3"))[:-_KEPT_COPIES]:
        old.unlink()


def first_sign_in() -> Path:
    """The file that holds the first user's password, readable by the owner of the data folder only."""
    return Path(settings.DATA) / "first-sign-in"


def _make_first_user() -> bool:
    if User.objects.exists():
        return False
    password, path = secrets.token_urlsafe(18), first_sign_in()
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"user: {FIRST_USER}\npassword: {password}\n")
        file.flush()
        os.fsync(file.fileno())
    User.objects.create_superuser(FIRST_USER, password=password)
    return True


def _forget_first_password() -> bool:
    """Remove the file once its password has been changed: it would only mislead."""
    path = first_sign_in()
    if not path.exists():
        return False
    user = User.objects.filter(username=FIRST_USER).first()
    if user is not None and user.check_password(path.read_text().split()[-1]):
        return False
    path.unlink()
    return True
