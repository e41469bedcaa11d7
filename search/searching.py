"""Asking the index: one function from a query to a page of results."""

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.conf import settings

from packages.models import Project
from packages.names import look_alike
from search.engines import Engine, the_engine
from search.errors import SearchBusyError
from search.models import Classifier, Document
from search.ranking import Candidate, nearest, ranked
from search.values import MOST, PAGE, FacetCount, Filters, Found, Order, Results
from search.words import Query, parse_query

AT_ONCE = 8  # searches of a process, which has other things to do
_FEW = 10  # results; where there are fewer, names that resemble the query are looked for too
_RESEMBLING = 300  # names of which the slips are counted
_FACETS = 200
_CORRECTED = 3  # words at most; each is looked for in several ways
NONE = Filters()
_HIDDEN = (Project.Status.DELETED, Project.Status.QUARANTINED)
_at_work = threading.BoundedSemaphore(AT_ONCE)


def search(
    text: str, filters: Filters = NONE, *, order: Order = Order.RELEVANCE, page: int = 1, size: int = PAGE
) -> Results:
    """What is found, by any text and filters; pages of `size` count from 1, one beyond the last is empty.

    Without a word in the text everything is found that passes the filters, newest first. Raises SearchTooSlowError and
    SearchBusyError. A project that was deleted or quarantined a moment ago is left out, though it may still be counted.
    """
    query = parse_query(text)
    engine = the_engine()
    with _one_of_few(), engine.limited(settings.SEARCH_SECONDS):
        if not query.words:
            return _results(_everything(filters, order), page, size)
        ids = _matching(engine, query, filters, order)
        similar = _similar(engine, query, filters) if len(ids) < _FEW else []
        resembling = [id_ for id_, _ in similar if id_ not in ids]
        suggestion = "" if ids else similar[0][1] if similar else _corrected(engine, query)
        return _results([*ids, *resembling], page, size, suggestion=suggestion, resembling=bool(resembling))


@contextmanager
def _one_of_few() -> Iterator[None]:
    if not _at_work.acquire(blocking=False):
        raise SearchBusyError
    try:
        yield
    finally:
        _at_work.release()


def _everything(filters: Filters, order: Order) -> list[int]:
    rows = Document.objects.all()
    for classifier in filters.classifiers:
        rows = rows.filter(classifiers__text=classifier)
    if filters.status:
        rows = rows.filter(status=filters.status)
    if filters.since:
        rows = rows.filter(released_at__gte=filters.since)
    first = "-downloads" if order is Order.DOWNLOADS else "-released_at"
    return list(rows.order_by(first, "name").values_list("pk", flat=True)[:MOST])


def _matching(engine: Engine, query: Query, filters: Filters, order: Order) -> list[int]:
    ids = engine.matching(query, filters, order, limit=MOST)
    if order is not Order.RELEVANCE:
        return ids
    ids = list(dict.fromkeys([*engine.beginning(query.joined, filters, limit=_RESEMBLING), *ids]))[:MOST]
    fields = ("pk", "name", "keywords", "summary", "downloads")
    rows = {row[0]: Candidate(*row) for row in Document.objects.filter(pk__in=ids).values_list(*fields)}
    return ranked(query, [rows[id_] for id_ in ids if id_ in rows])


def _similar(engine: Engine, query: Query, filters: Filters) -> list[tuple[int, str]]:
    """Projects whose name is the query but for a few slips, or for letters that look alike."""
    ids = engine.resembling(query.joined, filters, limit=_RESEMBLING)
    shown = Document.objects.exclude(project__status__in=_HIDDEN)
    rows = shown.filter(pk__in=ids).values_list("pk", "name", "downloads")
    alike = shown.filter(look_alike=look_alike(query.joined)).values_list("pk", "name")
    return list(dict.fromkeys([*alike, *nearest(query.joined, rows)])) if ids else list(alike)


def _corrected(engine: Engine, query: Query) -> str:
    """The query with each word that is found nowhere replaced by the name nearest to it.

    Empty where that is none, and where there are too many words.
    """
    if len(query.words) > _CORRECTED:
        return ""
    words = []
    for word in query.words:
        is_known = bool(engine.matching(Query((word,)), Filters(), Order.RELEVANCE, limit=1))
        similar = [] if is_known else _similar(engine, Query((word,)), Filters())
        words.append(similar[0][1] if similar else word)
    return "" if words == list(query.words) else " ".join(words)


def _results(ids: Sequence[int], page: int, size: int, *, suggestion: str = "", resembling: bool = False) -> Results:
    shown = ids[(page - 1) * size : page * size]
    rows = Document.objects.filter(pk__in=shown).exclude(project__status__in=_HIDDEN).in_bulk()
    return Results(
        found=tuple(_found(rows[id_]) for id_ in shown if id_ in rows),
        total=len(ids),
        page=page,
        size=size,
        suggestion=suggestion,
        resembling=resembling,
        facets=_facets(ids),
    )


def _found(row: Document) -> Found:
    return Found(
        name=row.name,
        display_name=row.display_name,
        version=row.version,
        summary=row.summary,
        status=row.status,
        released_at=row.released_at,
        downloads=row.downloads,
    )


def _facets(ids: Sequence[int]) -> tuple[FacetCount, ...]:
    """The classifiers that most of the results have. Counted by their ids first: texts are only read of those shown."""
    rows = Document.classifiers.through.objects.filter(document__in=list(ids)).values_list("classifier_id", flat=True)
    counts = dict(Counter(rows).most_common(_FACETS))
    texts = Classifier.objects.filter(pk__in=list(counts)).values_list("pk", "text")
    found = [FacetCount(text, counts[pk]) for pk, text in texts]
    return tuple(sorted(found, key=lambda facet: (-facet.count, facet.classifier)))
