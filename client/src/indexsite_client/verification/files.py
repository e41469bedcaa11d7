"""`indexsite verify FILE`: is this file exactly what the index's roles vouch for now, and which role says so."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from indexsite_client import protocol
from indexsite_client.errors import ProjectNotFoundError, UsageError
from indexsite_client.protocol import ProtocolError
from indexsite_client.session import VerifiedSession, Voucher


class FileState(StrEnum):
    """How a file stands to the index."""

    SAME = "same"
    CHANGED = "changed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class FileReport:
    """The answer about one file, and the reason in a sentence."""

    path: str
    state: FileState
    reason: str
    role: str = ""
    version: int = 0


def verify_file(session: VerifiedSession, path: Path) -> FileReport:
    """Compare one file; raises UsageError where it cannot be read, ClientError where the index cannot be trusted."""
    try:
        with open(path, "rb") as file:
            actual = hashlib.file_digest(file, "sha256").hexdigest()
            length = file.tell()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    try:
        named = protocol.parse_distribution_filename(path.name)
        voucher = session.voucher(named.project, path.name)
    except ProtocolError as error:
        return FileReport(str(path), FileState.UNKNOWN, f"It is no wheel or sdist by its name: {error}")
    except ProjectNotFoundError:
        return FileReport(str(path), FileState.UNKNOWN, "No role of the index vouches for a file of this name.")
    if (actual, length) == (voucher.sha256, voucher.length):
        reason = f"The role {voucher.role!r} in version {voucher.version} vouches for it{_yanked(voucher)}."
        return FileReport(str(path), FileState.SAME, reason, voucher.role, voucher.version)
    reason = (
        f"The role {voucher.role!r} in version {voucher.version} vouches for {voucher.length} bytes with the sha256 "
        f"{voucher.sha256}; this file has {length} with {actual}."
    )
    return FileReport(str(path), FileState.CHANGED, reason, voucher.role, voucher.version)


def _yanked(voucher: Voucher) -> str:
    if voucher.yanked is None:
        return ""
    return f", and it is yanked: {voucher.yanked}" if voucher.yanked else ", and it is yanked"
