"""The targets of the last good state and of what clients are shown, on the disk, for there may be millions."""

from collections.abc import Iterable

from indexsite_client.protocol import INDEX_PAGE, NormalizedName
from tufsigning.scratch import Scratch

_TABLES = """
CREATE TABLE good (path TEXT PRIMARY KEY, sha256 TEXT, length INTEGER) WITHOUT ROWID;
CREATE TABLE shown (path TEXT PRIMARY KEY, sha256 TEXT, length INTEGER) WITHOUT ROWID;
"""


class Notebook(Scratch):
    """Targets by path. Rows that repeat a path keep the first."""

    def __init__(self) -> None:
        super().__init__(_TABLES)

    def note_good(self, targets: Iterable[tuple[str, str, int]]) -> None:
        """Path, SHA-256 and length of targets of the copy."""
        self._insert("good", targets, columns=3)

    def note_shown(self, targets: Iterable[tuple[str, str, int]]) -> None:
        """The same of targets that clients are shown."""
        self._insert("shown", targets, columns=3)

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
