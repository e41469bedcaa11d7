"""What both databases share: filters and orders of documents, called `d` in the statement, and the limit of time."""

import time
from typing import Any

from django.db import connection

from search.errors import SearchTooSlowError
from search.values import Filters, Order

Values = list[Any]  # Any: what a statement's placeholders take


def conditions(filters: Filters) -> tuple[str, Values]:
    """The filters as conditions, each with AND before it, and their values."""
    sql = ""
    values: Values = []
    for classifier in filters.classifiers:
        sql += (
            " AND EXISTS (SELECT 1 FROM search_document_classifiers h JOIN search_classifier c"
            " ON c.id = h.classifier_id WHERE h.document_id = d.project_id AND c.text = %s)"
        )
        values.append(classifier)
    if filters.status:
        sql += " AND d.status = %s"
        values.append(filters.status)
    if filters.since is not None:
        sql += " AND d.released_at >= %s"
        values.append(connection.ops.adapt_datetimefield_value(filters.since))
    return sql, values


def ordering(order: Order, relevance: str) -> str:
    """What stands behind ORDER BY; `relevance` is the database's own."""
    return {
        Order.RELEVANCE: relevance,
        Order.NEWEST: "d.released_at DESC, d.name",
        Order.DOWNLOADS: "d.downloads DESC, d.name",
    }[order]


def remaining(until: float) -> float:
    """Seconds until this moment of the monotonic clock; raises SearchTooSlowError where there are none."""
    if (seconds := until - time.monotonic()) <= 0:
        raise SearchTooSlowError
    return seconds
