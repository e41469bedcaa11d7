"""Finding words with SQLite's FTS5: a table of words, and one of the trigrams of names.

What reaches MATCH is made of words alone, each in quotes, so no query can say anything in FTS5's own language.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from django.db import OperationalError, connection

from search.engines.statements import Values, conditions, ordering, remaining
from search.errors import SearchTooSlowError
from search.values import Entry, Filters, Order
from search.words import Query, name_words, words_of

_STEPS = 10_000  # of SQLite's machine between two looks at the clock
_TABLES = (
    "CREATE VIRTUAL TABLE IF NOT EXISTS search_words USING fts5"
    "(name, title, body, detail=column, prefix='2 3', tokenize='unicode61 remove_diacritics 0')",
    "CREATE VIRTUAL TABLE IF NOT EXISTS search_names USING fts5(name, detail=none, tokenize='trigram')",
)
_PLACES = ("name : ", "{name title} : ", "")  # the better ones first


class SqliteEngine:
    """See `Engine`."""

    @contextmanager
    def limited(self, seconds: float) -> Iterator[None]:
        """By a look at the clock before each statement, and every few thousand steps of it."""
        until = time.monotonic() + seconds
        connection.ensure_connection()
        handle: sqlite3.Connection = connection.connection
        handle.set_progress_handler(lambda: time.monotonic() > until, _STEPS)
        try:
            with connection.execute_wrapper(partial(_begin, until)):
                yield
        except OperationalError as error:
            if "interrupted" in str(error):
                raise SearchTooSlowError from error
            raise
        finally:
            handle.set_progress_handler(None, 0)

    def matching(self, query: Query, filters: Filters, order: Order, *, limit: int) -> list[int]:
        """From the last row to the first, which FTS5 does without looking at more than are wanted."""
        terms = " AND ".join(f'"{stem}"*' for stem in query.stems)
        found: dict[int, None] = {}
        for place in _PLACES if order is Order.RELEVANCE else _PLACES[-1:]:
            if len(found) < limit:
                found.update(dict.fromkeys(self._match(f"{place}({terms})", filters, order, limit)))
        return list(found)[:limit]

    def _match(self, expression: str, filters: Filters, order: Order, limit: int) -> list[int]:
        where, values = conditions(filters)
        return _ids(
            "SELECT t.rowid FROM search_words t CROSS JOIN search_document d ON d.project_id = t.rowid "  # noqa: S608
            f"WHERE search_words MATCH %s{where} ORDER BY {ordering(order, 't.rowid DESC')} LIMIT %s",
            [expression, *values, limit],
        )

    def beginning(self, joined: str, filters: Filters, *, limit: int) -> list[int]:
        """By the index of the words of names."""
        where, values = conditions(filters)
        return _ids(
            "SELECT t.rowid FROM search_words t CROSS JOIN search_document d ON d.project_id = t.rowid "  # noqa: S608
            f"WHERE search_words MATCH %s AND replace(d.name, '-', '') GLOB %s{where} "
            "ORDER BY length(replace(d.name, '-', '')), d.name LIMIT %s",
            [f'name: "{joined}"*', f"{joined}*", *values, limit],
        )

    def resembling(self, joined: str, filters: Filters, *, limit: int) -> list[int]:
        """By the trigrams of the name between spaces, so that its beginning and its end count too."""
        where, values = conditions(filters)
        padded = _padded(joined)
        trigrams = " OR ".join(f'"{padded[at : at + 3]}"' for at in range(len(padded) - 2))
        return _ids(
            "SELECT t.rowid FROM search_names t CROSS JOIN search_document d ON d.project_id = t.rowid "  # noqa: S608
            f"WHERE search_names MATCH %s{where} ORDER BY t.rank LIMIT %s",
            [trigrams, *values, limit],
        )

    def store(self, entries: Sequence[Entry]) -> None:
        """The rows' ids are the projects'."""
        self.remove([entry.project_id for entry in entries])
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO search_words (rowid, name, title, body) VALUES (%s, %s, %s, %s)",
                [(each.project_id, *_columns(each)) for each in entries],
            )
            cursor.executemany(
                "INSERT INTO search_names (rowid, name) VALUES (%s, %s)",
                [(each.project_id, _padded(each.name.replace("-", ""))) for each in entries],
            )

    def remove(self, project_ids: Sequence[int]) -> None:
        """From both tables."""
        with connection.cursor() as cursor:
            for table in ("search_words", "search_names"):
                cursor.executemany(f"DELETE FROM {table} WHERE rowid = %s", [(each,) for each in project_ids])  # noqa: S608

    def establish(self) -> None:
        """SQLite has had the tokenizer of trigrams since 3.34."""
        with connection.cursor() as cursor:
            for statement in _TABLES:
                cursor.execute(statement)


def _begin(until: float, execute: Callable[..., Any], *statement: Any) -> Any:  # Any: Django's own
    remaining(until)
    return execute(*statement)


def _ids(sql: str, values: Values) -> list[int]:
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
            return [row[0] for row in cursor.fetchall()]
    except OperationalError as error:
        if "phrase queries are not supported" in str(error):  # FTS5 splits a word where Python's Unicode does not
            return []
        raise


def _columns(entry: Entry) -> tuple[str, str, str]:
    title = [*words_of(entry.keywords), *words_of(entry.summary)]
    body = [word for classifier in entry.classifiers for word in words_of(classifier)]
    return " ".join(name_words(entry.name)), " ".join(title), " ".join([*dict.fromkeys(body), *entry.text])


def _padded(joined: str) -> str:
    return f"  {joined} "
