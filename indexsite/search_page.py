"""The page of searches: what was asked, what was found, and the links that narrow it down."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe

from indexsite.pages import about_index
from packages.models import Project
from search.errors import SearchError
from search.searching import search
from search.values import MOST, Filters, Found, Order, Results
from search.words import MAX_QUERY, marked, parse_query

_STATUSES = {
    Project.Status.ACTIVE: "active",
    Project.Status.ARCHIVED: "archived",
    Project.Status.DEPRECATED: "deprecated",
}
_AGES = {"7": "in a week", "30": "in a month", "365": "in a year"}  # days
_ORDERS = {Order.RELEVANCE: "relevance", Order.NEWEST: "newest", Order.DOWNLOADS: "downloads"}
_GROUPS = {  # beginnings of classifiers, and what the group is called
    "Programming Language :: Python :: ": "Python",
    "Framework :: ": "Framework",
    "Topic :: ": "Topic",
    "License :: ": "License",
}
_CHOICES = 8  # of a group
_MOST_CLASSIFIERS = 8  # that are asked for at once


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for; nonsense in it is left out."""

    text: str
    classifiers: tuple[str, ...]
    status: str
    updated: str
    order: Order
    page: int

    def address(self, **changes: str | int | tuple[str, ...]) -> str:
        """The same search but for these, on its first page."""
        values: dict[str, str | int | tuple[str, ...]] = {
            "q": self.text,
            "c": self.classifiers,
            "status": self.status,
            "updated": self.updated,
        }
        values["o"] = "" if self.order is Order.RELEVANCE else self.order.value
        values.update(changes)
        return "?" + urlencode({name: value for name, value in values.items() if value}, doseq=True)

    def filters(self, now: datetime) -> Filters:
        since = now - timedelta(days=int(self.updated)) if self.updated else None
        return Filters(self.classifiers, self.status, since)


@dataclass(frozen=True, slots=True)
class Choice:
    """A link that changes the search; where it is chosen already, the link takes that back."""

    label: str
    address: str
    chosen: bool
    count: int = 0


@dataclass(frozen=True, slots=True)
class ChoiceGroup:
    """Choices under a title."""

    title: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class ShownResult:
    """A project with the pieces of its name and summary, each with whether it is a hit."""

    found: Found
    name: list[tuple[str, bool]]
    summary: list[tuple[str, bool]]


@require_safe
def search_page(request: HttpRequest) -> HttpResponse:
    """What is found, narrowed down by links; it works without any script."""
    asked = _read(request.GET)
    context = {**about_index(request), "query": asked.text, "asked": asked}
    try:
        results = search(asked.text, asked.filters(timezone.now()), order=asked.order, page=asked.page)
    except SearchError as error:
        response = render(request, "search.html", {**context, "fault": str(error)}, status=503)
        response["Retry-After"] = "5"
        return response
    response = render(request, "search.html", {**context, **_shown(asked, results)})
    patch_cache_control(response, private=True, no_cache=True)
    return response


def _read(query: QueryDict) -> Asked:
    page, order = query.get("page", ""), query.get("o", "")
    return Asked(
        text=query.get("q", "")[:MAX_QUERY].replace("\x00", "").strip(),
        classifiers=tuple(
            dict.fromkeys(each[:200] for each in query.getlist("c")[:_MOST_CLASSIFIERS] if each and "\x00" not in each)
        ),
        status=status if (status := query.get("status", "")) in _STATUSES else "",
        updated=updated if (updated := query.get("updated", "")) in _AGES else "",
        order=Order(order) if order in {each.value for each in Order} else Order.RELEVANCE,
        page=int(page) if page.isascii() and page.isdigit() and len(page) <= 6 and 0 < int(page) <= MOST else 1,
    )


def _shown(asked: Asked, results: Results) -> dict[str, object]:
    stems = parse_query(asked.text).stems
    is_filtered = bool(asked.classifiers or asked.status or asked.updated)
    return {
        "results": results,
        "shown": [
            ShownResult(each, marked(each.display_name, stems), marked(each.summary, stems)) for each in results.found
        ],
        "groups": [group for group in _groups(asked, results) if group.choices] if results.total or is_filtered else [],
        "orders": [
            Choice(label, asked.address(o="" if order is Order.RELEVANCE else order.value), order is asked.order)
            for order, label in _ORDERS.items()
        ],
        "meant": asked.address(q=results.suggestion) if results.suggestion else "",
        "unfiltered": asked.address(c=(), status="", updated="") if is_filtered else "",
        "before": asked.address(page=asked.page - 1) if asked.page > 1 else "",
        "after": asked.address(page=asked.page + 1) if asked.page < results.pages else "",
    }


def _groups(asked: Asked, results: Results) -> list[ChoiceGroup]:
    counts = {each.classifier: each.count for each in results.facets}
    groups = []
    for beginning, title in _GROUPS.items():
        offered = [each for each in counts if each.startswith(beginning) and each not in asked.classifiers]
        chosen = [each for each in asked.classifiers if each.startswith(beginning)]
        choices = [_classifier(asked, each, beginning, counts.get(each, 0)) for each in [*chosen, *offered[:_CHOICES]]]
        groups.append(ChoiceGroup(title, tuple(choices)))
    other = [each for each in asked.classifiers if not each.startswith(tuple(_GROUPS))]
    groups.append(ChoiceGroup("Other", tuple(_classifier(asked, each, "", counts.get(each, 0)) for each in other)))
    ages = (
        Choice(label, asked.address(updated="" if asked.updated == days else days), asked.updated == days)
        for days, label in _AGES.items()
    )
    statuses = (
        Choice(label, asked.address(status="" if asked.status == status else status.value), asked.status == status)
        for status, label in _STATUSES.items()
    )
    return [*groups, ChoiceGroup("Updated", tuple(ages)), ChoiceGroup("Status", tuple(statuses))]


def _classifier(asked: Asked, classifier: str, beginning: str, count: int) -> Choice:
    """Its last part, or two of them, without what the title says."""
    is_chosen = classifier in asked.classifiers
    others = tuple(each for each in asked.classifiers if each != classifier)
    label = classifier.removeprefix(beginning).removeprefix("OSI Approved :: ")
    address = asked.address(c=others if is_chosen else (*asked.classifiers, classifier))
    return Choice(label.replace(" :: ", " › "), address, is_chosen, count)
