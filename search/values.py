"""The values of a search: what is put into the index, what is asked of it, what it answers. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

PAGE = 20  # results on a page, unless asked otherwise
MOST = 1000  # results of a search at most; nobody reads the thousand and first


class Order(StrEnum):
    """By what results are sorted."""

    RELEVANCE = "relevance"
    NEWEST = "newest"
    DOWNLOADS = "downloads"


@dataclass(frozen=True, slots=True)
class Entry:
    """A project as it goes into the index; `text` are the different words of its description."""

    project_id: int
    name: str
    display_name: str
    version: str
    summary: str
    keywords: str
    classifiers: tuple[str, ...]
    status: str
    released_at: datetime
    text: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Filters:
    """What every result must be: have all the classifiers, this status, something new since a moment."""

    classifiers: tuple[str, ...] = ()
    status: str = ""
    since: datetime | None = None

    def __bool__(self) -> bool:
        return bool(self.classifiers or self.status or self.since)


@dataclass(frozen=True, slots=True)
class Found:
    """A project that was found."""

    name: str
    display_name: str
    version: str
    summary: str
    status: str
    released_at: datetime
    downloads: int


@dataclass(frozen=True, slots=True)
class FacetCount:
    """How many of the results have a classifier."""

    classifier: str
    count: int


@dataclass(frozen=True, slots=True)
class Results:
    """A page of results, best first.

    `total` counts all pages, MOST where there may be more; `suggestion` is a query that was probably meant instead,
    empty where there is none; `resembling` says that some results only have a name like the one asked for.
    """

    found: tuple[Found, ...]
    total: int
    page: int
    size: int
    suggestion: str
    resembling: bool
    facets: tuple[FacetCount, ...]

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // self.size))

    @property
    def is_cut(self) -> bool:
        """Whether there may be more than is counted."""
        return self.total >= MOST
