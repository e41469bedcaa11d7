"""Rows and bytes of what differs, made as it was decided. Each project is one transaction; it may all be repeated."""

import hashlib
import shutil
import tempfile
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from indexsite_client.protocol import UNCLAIMED, PageFile, ProjectPage
from packages import outbox
from storage.contract import blob_name, the_storage
from tufsigning.recovery.comparing import Compared, files_wanted
from tufsigning.recovery.copies import Copy
from tufsigning.recovery.decisions import Decisions
from tufsigning.recovery.differences import wanted_page
from tufsigning.recovery.errors import BytesMissingError

_CHUNK = 1024 * 1024


def restore_projects(compared: Iterable[Compared], copy: Copy, decisions: Decisions, *, now: datetime) -> int:
    """Bring what differs to what was decided; returns how many rows changed.

    The bytes of all of it are there before the first row changes: raises BytesMissingError otherwise.
    """
    wanted = [(each.project, decided_page(each, decisions)) for each in compared]
    missing = [name for _, page in wanted if page for name in _bring_bytes(page, copy)]
    if missing:
        named = ", ".join(missing[:10])
        raise BytesMissingError(
            f"{len(missing)} files have their bytes neither in the store nor in the copy ({named}): name a mirror or a"
            " backup as --reference that has them, or decide to keep them as the index has them now."
        )
    return sum(outbox.bring_to(name, page, voucher=UNCLAIMED, now=now) for name, page in wanted)


def decided_page(compared: Compared, decisions: Decisions) -> ProjectPage | None:
    """The page of a project as it shall be signed."""
    kept = decisions.kept(each for each in compared.differences if each.is_to_decide)
    return wanted_page(compared.project, good=compared.good, rows=compared.rows, kept=kept)


def _bring_bytes(page: ProjectPage, copy: Copy) -> list[str]:
    """See to it that the store has what the page's files need; returns the files of which it is nowhere."""
    missing = []
    for file, sha256 in files_wanted(page):
        if _is_whole(sha256):
            continue
        path = copy.file(page.project, file) if sha256 == file.sha256 else copy.beside(file, sha256)
        if path is None or not _take(path, sha256):
            missing.append(_name(page, file))
    return missing


def _name(page: ProjectPage, file: PageFile) -> str:
    return f"{page.project}/{file.filename}"


def _is_whole(sha256: str) -> bool:
    """Whether the store has these bytes, read once and not held in memory."""
    try:
        with the_storage().open(blob_name(sha256)) as file:
            digest = hashlib.sha256()
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
            return digest.hexdigest() == sha256
    except FileNotFoundError:
        return False


def _take(path: Path, sha256: str) -> bool:
    """Copy a file into the store, through the folder of what comes in; False where it has other bytes."""
    descriptor, name = tempfile.mkstemp(prefix="recovered-", dir=the_storage().incoming_folder())
    incoming = Path(name)
    with open(descriptor, "wb") as target, path.open("rb") as source:
        shutil.copyfileobj(source, target, _CHUNK)
    with incoming.open("rb") as written:
        is_right = hashlib.file_digest(written, "sha256").hexdigest() == sha256
    if is_right:
        the_storage().write({blob_name(sha256): incoming})
    incoming.unlink(missing_ok=True)
    return is_right
