"""RSS feeds of what is new: releases, projects, and the releases of one project."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from django.conf import settings
from django.contrib.syndication.views import Feed
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.cache import patch_cache_control
from django.views.decorators.http import conditional_page, require_safe

from indexsite_client.protocol import ProtocolError, normalize_name
from packages import news
from packages.index_address import index_address
from packages.news import NewRelease

ITEMS = 40
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, section 2.2


@dataclass(frozen=True, slots=True)
class NewsItem:
    """An item, its link absolute."""

    title: str
    link: str
    summary: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class News:
    """What a feed says; addresses are absolute, since readers of a feed are elsewhere."""

    title: str
    link: str
    feed_url: str
    items: tuple[NewsItem, ...]


class NewsFeed(Feed[NewsItem, News]):
    """RSS 2.0 of some news."""

    def __init__(self, content: News) -> None:
        self._content = content

    def get_object(self, request: HttpRequest, *args: object, **kwargs: object) -> News:
        """What the other methods are asked about."""
        return self._content

    def title(self, feed: News) -> str:
        return feed.title

    def description(self, feed: News) -> str:
        return f"{feed.title}, newest first."

    def link(self, feed: News) -> str:
        return feed.link

    def feed_url(self, feed: News) -> str:
        return feed.feed_url

    def items(self, feed: News) -> Sequence[NewsItem]:
        return feed.items

    def item_title(self, item: NewsItem) -> str:
        return item.title

    def item_description(self, item: NewsItem) -> str:
        return _NOT_XML.sub(" ", item.summary)

    def item_link(self, item: NewsItem) -> str:
        return item.link

    def item_pubdate(self, item: NewsItem) -> datetime:
        return item.created_at


@require_safe
@conditional_page
def updates(request: HttpRequest) -> HttpResponse:
    """The newest releases of all projects."""
    return _answer(request, "updates.xml", "Newest releases", "", news.newest_releases(limit=ITEMS), _release_item)


@require_safe
@conditional_page
def packages(request: HttpRequest) -> HttpResponse:
    """The newest projects."""
    return _answer(request, "packages.xml", "Newest projects", "", news.newest_projects(limit=ITEMS), _project_item)


@require_safe
@conditional_page
def project_releases(request: HttpRequest, name: str) -> HttpResponse:
    """The newest releases of one project."""
    try:
        normalized = normalize_name(name)
    except ProtocolError as error:
        raise Http404(str(error)) from error
    if normalized != name:
        return redirect("feed-project", name=normalized, permanent=True)
    releases = news.newest_releases(limit=ITEMS, project=normalized)
    if not releases:
        raise Http404(f"There is no project {normalized} here.")
    place, about = f"project/{normalized}/releases.xml", f"project/{normalized}/"
    return _answer(request, place, f"Releases of {releases[0].display_name}", about, releases, _release_item)


def _answer(
    request: HttpRequest,
    place: str,
    title: str,
    about: str,
    found: Sequence[NewRelease],
    item: Callable[[NewRelease, str], NewsItem],
) -> HttpResponse:
    """The feed at `place` below /rss/, which is about the page `about`."""
    address = index_address(request)
    items = tuple(item(each, address) for each in found)
    content = News(f"{title} · Indexsite", f"{address}/{about}", f"{address}/rss/{place}", items)
    response = NewsFeed(content)(request)
    patch_cache_control(response, no_cache=True, **({"private": True} if settings.PRIVATE else {}))
    return response


def _release_item(new: NewRelease, address: str) -> NewsItem:
    link = f"{address}/project/{new.project}/{quote(new.version)}/"
    return NewsItem(f"{new.display_name} {new.version}", link, new.summary, new.created_at)


def _project_item(new: NewRelease, address: str) -> NewsItem:
    return NewsItem(new.display_name, f"{address}/project/{new.project}/", new.summary, new.created_at)
