"""Queries that every upload asks, compiled once: Django builds the SQL of a queryset anew at each use."""

from collections.abc import Callable, Collection
from itertools import chain
from typing import Any

from django.db import connection
from django.db.models import QuerySet


class Prepared:
    """A query that depends on lists of strings, such as `filter(name__in=names)`, and answers with plain values."""

    def __init__(self, question: Callable[..., QuerySet[Any, Any]]) -> None:  # Any: of whatever model
        self._question = question
        self._compiled: dict[tuple[int, ...], str] = {}  # by the length of each list

    def rows(self, *lists: Collection[str]) -> list[tuple[Any, ...]]:  # Any: what columns hold
        """The rows for these lists, none of which is empty."""
        lengths = tuple(len(each) for each in lists)
        if lengths not in self._compiled:
            self._compiled[lengths] = self._compile(lengths)
        with connection.cursor() as cursor:
            cursor.execute(self._compiled[lengths], list(chain(*lists)))
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows

    def _compile(self, lengths: tuple[int, ...]) -> str:
        marks = [[f"list {number}, value {each}" for each in range(length)] for number, length in enumerate(lengths)]
        sql, parameters = self._question(*marks).query.sql_with_params()
        if list(parameters) != list(chain(*marks)):
            raise ValueError("a prepared query has its lists in the order of their use, and no other parameter")
        return sql
