"""Not indexes, but how quick the same bytes can be served at all: from memory by granian, as files by nginx."""

import sys
from dataclasses import dataclass
from importlib.metadata import version

from bench.asks import Ask
from bench.cases import CASES, Case
from bench.distributions import Collection
from bench.names import BARE_WSGI, NGINX
from bench.nginx import serve_folder
from bench.pages import FOLDER, fill_missing_pages, page_path
from bench.places import BENCH
from bench.processes import Launch
from bench.servers import Kind

# one process and as many blocking threads as `serve` has
LIKE_SERVE = ("--workers", "1", "--blocking-threads", "96", "--http", "1", "--no-ws", "--log-level", "warning")
GRANIAN = (sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", "{port}")


@dataclass(frozen=True, slots=True)
class BareWsgi:
    """A bare WSGI callable in granian, set up as `serve` sets it up."""

    name: str = BARE_WSGI
    kind: Kind = Kind.BOUND
    requirements: tuple[str, ...] = (f"granian=={version('granian')}",)

    def prepare(self, collection: Collection) -> Launch:
        fill_missing_pages(collection)
        where = ("--working-dir", str(BENCH), "bare_wsgi:application")
        environment = {"BENCH_PAGES": str(FOLDER)}
        return Launch(self.name, (*GRANIAN, *LIKE_SERVE, *where), ready=_any_page(collection), environment=environment)

    def ask(self, case: Case, base: str) -> Ask | None:
        return ask_kept(case, base)


@dataclass(frozen=True, slots=True)
class Nginx:
    """nginx over the kept pages as files, one process, all in its cache of open files."""

    name: str = NGINX
    kind: Kind = Kind.BOUND
    requirements: tuple[str, ...] = ("nginx",)

    def prepare(self, collection: Collection) -> Launch:
        fill_missing_pages(collection)
        return serve_folder(self.name, FOLDER, ready=_any_page(collection))

    def ask(self, case: Case, base: str) -> Ask | None:
        return ask_kept(case, base)


def ask_kept(case: Case, base: str) -> Ask:
    """The request of a kept page; both bounds have it at the same path."""
    return Ask(f"{base}/{page_path(case).name}", {"Accept": case.accept, "User-Agent": "pip/26.0"})


def _any_page(collection: Collection) -> str:
    return next(f"/{page_path(case).name}" for case in CASES if case.collection == collection.name)
