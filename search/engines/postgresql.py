"""Finding words with PostgreSQL: lexemes of our own making in two tsvectors, and pg_trgm for names.

What reaches the database as a tsquery is made of words alone, so no query can say anything in its language.
"""

import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import DatabaseError, OperationalError, connection, transaction

from search.engines.statements import Values, conditions, ordering, remaining
from search.errors import SearchTooSlowError
from search.values import Entry, Filters, Order
from search.words import Query, name_words, words_of

_LIKENESS = "0.15"  # of the trigrams, at least; slips are counted afterwards, this only keeps that work small
_CANCELED = "57014"  # SQLSTATE query_canceled
_LAST_POSITION = 16_383  # that a tsvector can hold
_PLACES = (("d.title", "A"), ("d.title", ""), ("d.words", ""))  # the better ones first, and the weight asked for
_SCHEMA = (
    "ALTER TABLE search_document ADD COLUMN IF NOT EXISTS "
    "joined text GENERATED ALWAYS AS (replace(name, '-', '')) STORED",
    "ALTER TABLE search_document ADD COLUMN IF NOT EXISTS title tsvector NOT NULL DEFAULT ''",
    "ALTER TABLE search_document ADD COLUMN IF NOT EXISTS words tsvector NOT NULL DEFAULT ''",
    "CREATE INDEX IF NOT EXISTS search_document_joined ON search_document (joined text_pattern_ops)",
    "CREATE INDEX IF NOT EXISTS search_document_title ON search_document USING gin (title)",
    "CREATE INDEX IF NOT EXISTS search_document_words ON search_document USING gin (words)",
)
_TRIGRAMS = (
    "CREATE EXTENSION IF NOT EXISTS pg_trgm",
    "CREATE INDEX IF NOT EXISTS search_document_trigrams ON search_document USING gin (joined gin_trgm_ops)",
)
_HAS_TRIGRAMS = "SELECT count(*) FROM pg_indexes WHERE indexname = 'search_document_trigrams'"
_SET = "SELECT set_config(%s, %s, true)"
log = logging.getLogger(__name__)


class _Deadline:
    """Before a statement tells the server what remains, but for a tenth: fast searches need to say it once."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds
        self._spare = seconds / 10
        self._told = math.inf

    def __call__(self, execute: Callable[..., Any], *statement: Any) -> Any:  # Any: Django's own
        seconds = remaining(self._until)
        if self._told - seconds > self._spare:
            milliseconds = math.ceil(seconds * 1000)  # never 0, which is no limit
            execute(_SET, ["statement_timeout", f"{milliseconds}ms"], False, statement[-1])
            self._told = seconds
        return execute(*statement)


class PostgresqlEngine:
    """See `Engine`."""

    @contextmanager
    def limited(self, seconds: float) -> Iterator[None]:
        """By the server, which is told what remains. The block is a transaction."""
        try:
            with transaction.atomic(), connection.execute_wrapper(_Deadline(seconds)):
                yield
        except OperationalError as error:
            if getattr(error.__cause__, "sqlstate", "") == _CANCELED:
                raise SearchTooSlowError from error
            raise

    def matching(self, query: Query, filters: Filters, order: Order, *, limit: int) -> list[int]:
        """The last projects first."""
        found: dict[int, None] = {}
        for column, weight in _PLACES if order is Order.RELEVANCE else _PLACES[-1:]:
            if len(found) < limit:
                terms = " & ".join(f"'{stem}':*{weight}" for stem in query.stems)
                found.update(dict.fromkeys(self._match(column, terms, filters, order, limit)))
        return list(found)[:limit]

    def _match(self, column: str, terms: str, filters: Filters, order: Order, limit: int) -> list[int]:
        where, values = conditions(filters)
        return _ids(
            f"SELECT d.project_id FROM search_document d WHERE {column} @@ CAST(%s AS tsquery){where} "  # noqa: S608
            f"ORDER BY {ordering(order, 'd.project_id DESC')} LIMIT %s",
            [terms, *values, limit],
        )

    def beginning(self, joined: str, filters: Filters, *, limit: int) -> list[int]:
        """By an index of names."""
        where, values = conditions(filters)
        return _ids(
            f"SELECT d.project_id FROM search_document d WHERE d.joined LIKE %s{where} "  # noqa: S608  # as above
            'ORDER BY length(d.joined), d.name COLLATE "C" LIMIT %s',
            [f"{joined}%", *values, limit],
        )

    def resembling(self, joined: str, filters: Filters, *, limit: int) -> list[int]:
        """By pg_trgm, where the database has it."""
        if not _ids(_HAS_TRIGRAMS, [])[0]:
            return []
        where, values = conditions(filters)
        _set("pg_trgm.similarity_threshold", _LIKENESS)
        return _ids(
            f"SELECT d.project_id FROM search_document d WHERE d.joined %% %s{where} "  # noqa: S608  # as above
            "ORDER BY similarity(d.joined, %s) DESC LIMIT %s",
            [joined, *values, joined, limit],
        )

    def store(self, entries: Sequence[Entry]) -> None:
        """Into columns that Django's model does not know."""
        with connection.cursor() as cursor:
            cursor.executemany(
                "UPDATE search_document SET title = CAST(%s AS tsvector), words = array_to_tsvector(%s) "
                "WHERE project_id = %s",
                [(_title(each), _all_words(each), each.project_id) for each in entries],
            )

    def remove(self, project_ids: Sequence[int]) -> None:
        """They go with the documents."""

    def establish(self) -> None:
        """Where the user may not make the extension, say so and go on: everything but slips is found without it."""
        with connection.cursor() as cursor:
            for statement in _SCHEMA:
                cursor.execute(statement)
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                for statement in _TRIGRAMS:
                    cursor.execute(statement)
        except DatabaseError as error:
            log.warning(
                "Names with slips are not found: PostgreSQL's extension pg_trgm cannot be made (%s). Let a superuser "
                "say 'CREATE EXTENSION pg_trgm' in this database, then run 'manage.py search_rebuild'.",
                str(error).strip().partition("\n")[0],
            )


def _ids(sql: str, values: Values) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return [row[0] for row in cursor.fetchall()]


def _set(name: str, value: str) -> None:
    """For the rest of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute(_SET, [name, value])


def _title(entry: Entry) -> str:
    """A tsvector's text: words of the name are of weight A, keywords and the summary's of B."""
    groups = (("A", name_words(entry.name)), ("B", [*words_of(entry.keywords), *words_of(entry.summary)]))
    placed = [(word, weight) for weight, words in groups for word in words]
    return " ".join(f"'{word}':{place}{weight}" for place, (word, weight) in enumerate(placed[:_LAST_POSITION], 1))


def _all_words(entry: Entry) -> list[str]:
    words = {*name_words(entry.name), *words_of(entry.keywords), *words_of(entry.summary), *entry.text}
    for classifier in entry.classifiers:
        words.update(words_of(classifier))
    return sorted(words)
