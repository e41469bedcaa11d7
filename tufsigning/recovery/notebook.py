"""The targets of the last good state and of what clients are shown, on the disk, for there may be millions."""

import sqlite3
import tempfile
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from indexsite_client.protocol import INDEX_PAGE, NormalizedName

_TABLES = """
PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-32768; PRAGMA temp_store=FILE;
CREATE TABLE good (path TEXT PRIMARY KEY, sha256 TEXT, length INTEGER) WITHOUT ROWID;
CREATE TABLE shown (path TEXT PRIMARY KEY, sha256 TEXT, length INTEGER) WITHOUT ROWID;
"""


class Notebook:
    """Targets by path. Rows that repeat a path keep the first."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="indexsite-recovery-")
        self._database = sqlite3.connect(Path(self._folder.name) / "targets.sqlite3", isolation_level=None)
        self._database.executescript(_TABLES)

    def __enter__(self) -> "Notebook":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()
        self._folder.cleanup()

    def note_good(self, targets: Iterable[tuple[str, str, int]]) -> None:
        """Path, SHA-256 and length of targets of the copy."""
        self._note("good", targets)

    def note_shown(self, targets: Iterable[tuple[str, str, int]]) -> None:
        """The same of targets that clients are shown."""
        self._note("shown", targets)

    def names_after(self, name: str, *, limit: int) -> list[NormalizedName]:
        """The projects behind a name that either has targets of."""
        ask = (
            "SELECT DISTINCT substr(path, 1, instr(path, '/') - 1) AS name FROM {} WHERE path > ? ORDER BY name LIMIT ?"
        )
        found: set[str] = set()
        for table in ("good", "shown"):
            rows = self._database.execute(ask.format(table), [f"{name}0", limit])  # "0" follows "/"
            found.update(row[0] for row in rows)
        return list(map(NormalizedName, sorted(found)[:limit]))

    def good(self, project: str) -> dict[str, str]:
        """The hash of each target of a project in the copy, by its name below the project."""
        return self._of("good", project)

    def shown(self, project: str) -> dict[str, str]:
        """The same of what clients are shown."""
        return self._of("shown", project)

    def count_good(self) -> int:
        """How many targets the copy has."""
        return int(self._database.execute("SELECT count(*) FROM good").fetchone()[0])

    def good_page(self, project: str) -> str | None:
        """The hash of a project's page in the copy."""
        row = self._database.execute("SELECT sha256 FROM good WHERE path = ?", [f"{project}/{INDEX_PAGE}"]).fetchone()
        return str(row[0]) if row else None

    def _of(self, table: str, project: str) -> dict[str, str]:
        rows = self._database.execute(
            f"SELECT substr(path, instr(path, '/') + 1), sha256 FROM {table} WHERE path > ? AND path < ?",  # noqa: S608
            [f"{project}/", f"{project}0"],
        )
        return dict(rows.fetchall())

    def _note(self, table: str, targets: Iterable[tuple[str, str, int]]) -> None:
        self._database.execute("BEGIN")
        self._database.executemany(f"INSERT OR IGNORE INTO {table} VALUES (?, ?, ?)", targets)  # noqa: S608  # ours
        self._database.execute("COMMIT")
