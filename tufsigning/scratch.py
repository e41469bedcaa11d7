"""A temporary SQLite database on the disk, so that what is noted of millions of targets needs little memory."""

import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

_PRAGMAS = "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-32768; PRAGMA temp_store=FILE;"


class Scratch:
    """Tables that are gone with the block; a crash leaves nothing that anybody reads."""

    def __init__(self, tables: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="indexsite-scratch-")
        self._database = sqlite3.connect(Path(self._folder.name) / "scratch.sqlite3", isolation_level=None)
        self._database.executescript(_PRAGMAS + tables)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()
        self._folder.cleanup()

    def _insert(self, table: str, rows: Iterable[tuple[str | int | None, ...]], *, columns: int) -> None:
        """Rows of a table; those that repeat a key keep the first."""
        marks = ",".join("?" * columns)
        with self._at_once():
            self._database.executemany(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", rows)  # noqa: S608  # ours

    @contextmanager
    def _at_once(self) -> Iterator[None]:
        self._database.execute("BEGIN")
        yield
        self._database.execute("COMMIT")
