"""`/trust/bulletins/`: what users are told about matters of trust, as a list, a page each, and a feed."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.feedgenerator import Atom1Feed
from django.views.decorators.http import conditional_page, require_safe

from indexsite.feeds import ITEMS, News, NewsFeed, NewsItem
from indexsite.pages import about_index
from packages.index_address import index_address
from tufsigning.models import Bulletin
from tufsigning.recovery import bulletins

_SHOWN = 200


@require_safe
def bulletin_list(request: HttpRequest) -> HttpResponse:
    """All of them, the newest first."""
    found = bulletins.published(now=timezone.now(), limit=_SHOWN)
    return render(request, "bulletins.html", {**about_index(request), "bulletins": found})


@require_safe
def bulletin_page(request: HttpRequest, number: int) -> HttpResponse:
    """One, in full."""
    found = bulletins.find(number, now=timezone.now())
    if found is None:
        raise Http404(f"There is no bulletin {number} here.")
    return render(request, "bulletin.html", {**about_index(request), "bulletin": found})


class _AtomFeed(NewsFeed):
    """Atom 1.0 of the same."""

    feed_type = Atom1Feed

    def subtitle(self, feed: News) -> str:
        return feed.title


@require_safe
@conditional_page
def bulletin_feed(request: HttpRequest) -> HttpResponse:
    """The newest as Atom."""
    address = index_address(request)
    items = tuple(_item(each, address) for each in bulletins.published(now=timezone.now(), limit=ITEMS))
    about = f"{address}/trust/bulletins/"
    response = _AtomFeed(News("Bulletins · Indexsite", about, f"{about}feed.xml", items))(request)
    patch_cache_control(response, no_cache=True, **({"private": True} if settings.PRIVATE else {}))
    return response


def _item(bulletin: Bulletin, address: str) -> NewsItem:
    assert bulletin.published_at is not None  # only these are asked for
    link = f"{address}/trust/bulletins/{bulletin.pk}/"
    return NewsItem(bulletin.title, link, f"{bulletin.happened}\n\n{bulletin.advice}", bulletin.published_at)
