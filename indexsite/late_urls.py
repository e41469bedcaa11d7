"""Addresses whose views are imported when the first of them is asked for: few processes ever are."""

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import ResolverMatch, URLPattern, URLResolver
from django.urls.resolvers import RoutePattern


class LateAddresses(URLPattern):
    """Those that a module has, below a prefix. None of them has a name that `reverse` knows.

    To Django it is one address, so that neither reversing others nor the checks of each command look into the module.
    """

    def __init__(self, prefix: str, module: str) -> None:
        super().__init__(RoutePattern(prefix, is_endpoint=True), _nothing)
        self.resolver = URLResolver(RoutePattern(prefix), module)

    def resolve(self, path: str) -> ResolverMatch | None:
        """Look into the module, if the path begins like its addresses; raises Resolver404 where it has none."""
        if not self.resolver.pattern.match(path):
            return None
        found = self.resolver.resolve(path)
        found.route = f"{self.resolver.pattern}{found.route}"  # Django adds it to those of a resolver only
        return found


def _nothing(request: HttpRequest) -> HttpResponse:
    raise Http404
