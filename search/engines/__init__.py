"""The two databases' ways to find words: one face, chosen by the connection."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from django.db import connection

from search.values import Entry, Filters, Order
from search.words import Query


class Engine(Protocol):
    """What a database does for a search. Ids are those of projects."""

    def limited(self, seconds: float) -> AbstractContextManager[None]:
        """Stops the statements of its block after about as long in all, with SearchTooSlowError."""
        ...

    def matching(self, query: Query, filters: Filters, order: Order, *, limit: int) -> list[int]:
        """Projects with words that begin with the query's stems: in the name, beside it, anywhere; the last first.

        What is better is decided afterwards, so that no database ranks a hundred thousand rows for a common word.
        """
        ...

    def beginning(self, joined: str, filters: Filters, *, limit: int) -> list[int]:
        """Projects whose name without separators begins so, the shortest first."""
        ...

    def resembling(self, joined: str, filters: Filters, *, limit: int) -> list[int]:
        """Projects whose name shares most trigrams with this one; none where the database cannot tell."""
        ...

    def store(self, entries: Sequence[Entry]) -> None:
        """Keep the words of these, in place of what was kept of them. Inside the caller's transaction."""
        ...

    def remove(self, project_ids: Sequence[int]) -> None:
        """Forget the words of these. Inside the caller's transaction."""
        ...

    def establish(self) -> None:
        """Make what is missing of its tables, and of what makes names that resemble one findable."""
        ...


def the_engine() -> Engine:
    """That of the default database."""
    if connection.vendor == "postgresql":
        from search.engines.postgresql import PostgresqlEngine  # noqa: PLC0415  # one of the two is ever needed

        return PostgresqlEngine()
    from search.engines.sqlite import SqliteEngine  # noqa: PLC0415  # as above

    return SqliteEngine()
