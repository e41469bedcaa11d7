"""The audit's notebook: everything that it has read, on the disk."""

from collections.abc import Iterable, Iterator

from tufsigning.scratch import Scratch

_TABLES = """
CREATE TABLE target (path TEXT PRIMARY KEY, sha256 TEXT, length INTEGER, role TEXT) WITHOUT ROWID;
CREATE TABLE listed (path TEXT PRIMARY KEY, sha256 TEXT, length INTEGER) WITHOUT ROWID;
CREATE TABLE blob (sha256 TEXT PRIMARY KEY, length INTEGER, path TEXT) WITHOUT ROWID;
CREATE TABLE page (sha256 TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE known (sha256 TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE document (name TEXT PRIMARY KEY, sha256 TEXT) WITHOUT ROWID;
CREATE TABLE reference (name TEXT PRIMARY KEY, sha256 TEXT) WITHOUT ROWID;
CREATE TABLE unjudged (name TEXT PRIMARY KEY) WITHOUT ROWID;
"""
_COLUMNS = {"target": 4, "listed": 3, "blob": 3, "document": 2, "reference": 2, "known": 1, "page": 1, "unjudged": 1}
Row = tuple[str, str, int | None]
_PAGES = "path LIKE '%/index.json'"


class Ledger(Scratch):
    """What was read so far. Rows that repeat a key keep the first."""

    def __init__(self) -> None:
        super().__init__(_TABLES)

    def add(self, table: str, rows: Iterable[tuple[str | int | None, ...]]) -> None:
        """Rows of one of the tables, in the order of its columns."""
        self._insert(table, rows, columns=_COLUMNS[table])

    def count(self, table: str) -> int:
        """The rows of a table."""
        return int(self._database.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608  # ours

    def pages(self, *, after: str, limit: int) -> list[Row]:
        """Target path, hash and length of signed pages behind a path, by path."""
        query = f"SELECT path, sha256, length FROM target WHERE path > ? AND {_PAGES} ORDER BY path LIMIT ?"  # noqa: S608
        return self._database.execute(query, [after, limit]).fetchall()

    def placed(self) -> Iterator[tuple[str, str]]:
        """Target path and role of every target."""
        yield from self._database.execute("SELECT path, role FROM target ORDER BY path")

    def blobs(self) -> Iterator[Row]:
        """Hash, target path and length (None: unknown) of every blob that is signed and no page."""
        yield from self._database.execute("SELECT sha256, path, length FROM blob ORDER BY sha256")

    def unlisted(self) -> Iterator[Row]:
        """Signed files that no page lists; files of projects whose page cannot be judged are left out."""
        yield from self._database.execute(
            f"SELECT path, sha256, length FROM target WHERE NOT {_PAGES}"  # noqa: S608  # ours
            " AND path NOT IN (SELECT path FROM listed)"
            " AND substr(path, 1, instr(path, '/') - 1) NOT IN (SELECT name FROM unjudged) ORDER BY path"
        )

    def unsigned(self) -> Iterator[Row]:
        """Files that a page lists, and no role."""
        yield from self._database.execute(
            "SELECT path, sha256, length FROM listed WHERE path NOT IN (SELECT path FROM target) ORDER BY path"
        )

    def contradictory(self) -> Iterator[Row]:
        """Files of which page and role say different things."""
        yield from self._database.execute(
            "SELECT path, listed.sha256, listed.length FROM listed JOIN target USING (path)"
            " WHERE listed.sha256 != target.sha256 OR listed.length != target.length ORDER BY path"
        )

    def is_known(self, sha256: str) -> bool:
        """Whether a row or a signed document knows a blob."""
        tables = ("known", "blob", "page")
        asks = (f"EXISTS (SELECT 1 FROM {table} WHERE sha256 = :hash)" for table in tables)  # noqa: S608  # ours
        return bool(self._database.execute(f"SELECT {' OR '.join(asks)}", {"hash": sha256}).fetchone()[0])  # noqa: S608

    def is_signed(self, path: str) -> bool:
        """Whether some role lists a target path."""
        return bool(self._database.execute("SELECT count(*) FROM target WHERE path = ?", [path]).fetchone()[0])

    def is_unjudged(self, project: str) -> bool:
        """Whether a project's page cannot be relied on."""
        return bool(self._database.execute("SELECT count(*) FROM unjudged WHERE name = ?", [project]).fetchone()[0])

    def lines(self) -> Iterator[tuple[str, str]]:
        """Name below `/tuf/` and hash of every document and target, by name."""
        found = self._database.execute(
            "SELECT 'metadata/' || name AS name, sha256 FROM document UNION ALL"
            " SELECT 'targets/' || substr(path, 1, instr(path, '/')) || sha256 || '.' ||"
            " substr(path, instr(path, '/') + 1), sha256 FROM target ORDER BY name"
        )
        yield from found

    def differences(self) -> Iterator[tuple[str, str | None, str | None]]:
        """Names in a reference with its hash and ours, where they are not the same; None where there is none."""
        ours = "(SELECT 'metadata/' || name AS name, sha256 FROM document UNION ALL SELECT path, sha256 FROM target)"
        yield from self._database.execute(
            f"WITH ours AS {ours}"  # noqa: S608  # ours
            " SELECT name, reference.sha256, ours.sha256 FROM reference LEFT JOIN ours USING (name)"
            " WHERE reference.sha256 IS NOT ours.sha256"
            " UNION ALL SELECT name, NULL, sha256 FROM ours WHERE name NOT IN (SELECT name FROM reference)"
            " ORDER BY name"
        )
