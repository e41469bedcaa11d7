"""Rows that are written by the thousand: a few plain statements, where Django compiles each value of each row.

With all bins in one publication, compiling took longer than signing.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import TypeAlias

from django.db import connection
from django.db.models import Model

_PARAMETERS = 6000  # of a statement, where the database sets no limit
Value: TypeAlias = int | str | bytes | datetime | None


def write_rows(
    model: type[Model],
    columns: Sequence[str],
    rows: Iterable[Sequence[Value]],
    *,
    unique: Sequence[str] = (),
    update: Sequence[str] = (),
) -> None:
    """Insert these, inside the caller's transaction. Where a row with the same `unique` columns is there already, set
    its `update` columns instead; without any, raise IntegrityError.
    """
    quote = connection.ops.quote_name
    before = f"INSERT INTO {quote(model._meta.db_table)} ({', '.join(map(quote, columns))}) VALUES "  # noqa: S608  # names of ours, quoted
    sets = ", ".join(f"{quote(each)} = excluded.{quote(each)}" for each in update)
    after = f" ON CONFLICT ({', '.join(map(quote, unique))}) DO UPDATE SET {sets}" if unique else ""
    row_sql, pending = f"({', '.join(['%s'] * len(columns))})", iter(rows)
    at_once = (connection.features.max_query_params or _PARAMETERS) // len(columns)
    with connection.cursor() as cursor:
        while slice_ := list(islice(pending, at_once)):
            values = [_adapted(value) for row in slice_ for value in row]
            cursor.execute(before + ", ".join([row_sql] * len(slice_)) + after, values)


def _adapted(value: Value) -> Value:
    if not isinstance(value, datetime):
        return value
    adapted: str | None = connection.ops.adapt_datetimefield_value(value)  # a text, for SQLite
    return adapted
