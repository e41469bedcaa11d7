"""What a mirror must hold, as one verified state of the index says: kept on disk, since it may be millions of lines."""

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from tuf.api.metadata import TargetFile

from indexsite_client import protocol
from indexsite_client.agreement import VouchedTarget
from indexsite_client.errors import VerificationError
from indexsite_client.mirror.addresses import target_address
from indexsite_client.protocol import NormalizedName, ProtocolError

_TABLES = """
CREATE TABLE target (path TEXT PRIMARY KEY, project TEXT, role TEXT, length INTEGER, sha256 TEXT) WITHOUT ROWID;
CREATE TABLE expected (
    address TEXT PRIMARY KEY, project TEXT, sha256 TEXT, length INTEGER, copies TEXT, is_withheld INTEGER DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX target_of_project ON target (project);
CREATE INDEX expected_of_project ON expected (project);
"""


@dataclass(frozen=True, slots=True)
class Expected:
    """One file of the tree. `length` is None where only the hash is signed; `copies` is the address it repeats."""

    address: str
    project: str
    sha256: str
    length: int | None = None
    copies: str = ""


class Contents:
    """For one thread. It lives in a temporary database that nobody else sees and that vanishes with it."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)  # an empty name: on disk, and temporary
        self._database.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; BEGIN;" + _TABLES)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_ignored: object) -> None:
        self._database.close()

    def add_targets(self, role: str, targets: Iterable[TargetFile]) -> None:
        """Note the targets that a client finds in this role; of two roles with one target the first counts."""
        rows = [_row(role, target) for target in targets]
        self._database.executemany("INSERT OR IGNORE INTO target VALUES (?, ?, ?, ?, ?)", rows)

    def projects(self) -> Iterator[NormalizedName]:
        """Every project with a target, in order of names. No list of projects is signed: this is the honest one."""
        cursor = self._database.execute("SELECT DISTINCT project FROM target ORDER BY project")
        return (NormalizedName(name) for (name,) in cursor)

    def targets_of(self, project: NormalizedName) -> dict[str, VouchedTarget]:
        """The project's targets by path."""
        rows = self._database.execute("SELECT path, role, length, sha256 FROM target WHERE project = ?", (project,))
        return {
            path: VouchedTarget(role, TargetFile(length, {"sha256": digest}, path))
            for path, role, length, digest in rows
        }

    def expect(self, files: Iterable[Expected]) -> None:
        """Note what must lie in the tree."""
        rows = [(file.address, file.project, file.sha256, file.length, file.copies) for file in files]
        statement = "INSERT OR REPLACE INTO expected (address, project, sha256, length, copies) VALUES (?, ?, ?, ?, ?)"
        self._database.executemany(statement, rows)

    def withhold(self, address: str) -> None:
        """Note that a file cannot be had, nor what repeats it."""
        self._database.execute("UPDATE expected SET is_withheld = 1 WHERE ? IN (address, copies)", (address,))

    def withheld(self) -> list[str]:
        cursor = self._database.execute("SELECT address FROM expected WHERE is_withheld ORDER BY address")
        return [address for (address,) in cursor]

    def is_expected(self, address: str) -> bool:
        question = "SELECT 1 FROM expected WHERE address = ? AND NOT is_withheld"
        return self._database.execute(question, (address,)).fetchone() is not None

    def originals(self) -> Iterator[Expected]:
        """Every file that repeats no other."""
        yield from self._expected("copies = ''")

    def copies(self) -> Iterator[Expected]:
        """Every file that repeats another."""
        yield from self._expected("copies != ''")

    def _expected(self, condition: str) -> Iterator[Expected]:
        columns = "address, project, sha256, length, copies"
        question = f"SELECT {columns} FROM expected WHERE {condition} AND NOT is_withheld ORDER BY address"  # noqa: S608
        with contextlib.closing(self._database.execute(question)) as cursor:
            for row in cursor:
                yield Expected(*row)


def expected_target(project: NormalizedName, found: VouchedTarget) -> Expected:
    """A target's file in the tree."""
    address = target_address(found.target.path, found.sha256)
    return Expected(address, project, found.sha256, found.target.length)


def _row(role: str, target: TargetFile) -> tuple[str, str, str, int, str]:
    """The target as a row; raises VerificationError unless it is a page or a distribution, with one sha256.

    Only such names become paths on disk, whatever the signed documents say.
    """
    project, _, filename = target.path.partition("/")
    digest = target.hashes.get("sha256", "")
    try:
        is_fine = protocol.is_normalized_name(project) and set(target.hashes) == {"sha256"}
        if filename != protocol.INDEX_PAGE:
            protocol.parse_distribution_filename(filename)
    except ProtocolError:
        is_fine = False
    if not is_fine or not protocol.SHA256.fullmatch(digest):
        raise VerificationError(
            f"The role {role!r} lists {target.path[:300]!r}, which is neither a project's page nor a distribution "
            "with one sha256. Nothing of it is used; tell the administrator of the index."
        )
    return target.path, project, role, target.length, digest
