"""Not indexes, but how quick the same bytes can be served at all: from memory by granian, as files by nginx."""

import os
import pwd
import sys
from dataclasses import dataclass
from importlib.metadata import version

from bench.asks import Ask
from bench.cases import Case
from bench.debian import find_program
from bench.distributions import Wheel
from bench.pages import FOLDER, fill_missing_pages, page_path
from bench.places import BENCH, WORK
from bench.processes import Launch
from bench.servers import Kind

NGINX_CONFIGURATION = """\
daemon off;
user {user};
worker_processes {processes};
pid {folder}/nginx.pid;
error_log stderr;
events {{ worker_connections 256; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    open_file_cache max=100;
    types {{ application/vnd.pypi.simple.v1+json json; text/html html; }}
    client_body_temp_path {folder}/temporary;
    proxy_temp_path {folder}/temporary;
    fastcgi_temp_path {folder}/temporary;
    uwsgi_temp_path {folder}/temporary;
    scgi_temp_path {folder}/temporary;
    server {{ listen 127.0.0.1:{port}; root {pages}; }}
}}
"""


@dataclass(frozen=True, slots=True)
class BareWsgi:
    """A bare WSGI callable in granian, with the one process and the blocking threads that `serve` uses."""

    name: str = "granian-bare-wsgi"
    kind: Kind = Kind.BOUND
    requirements: tuple[str, ...] = (f"granian=={version('granian')}",)

    def prepare(self, wheels: tuple[Wheel, ...]) -> Launch:
        fill_missing_pages(wheels)
        granian = (sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", "{port}")
        like_serve = ("--workers", "1", "--blocking-threads", "64", "--http", "1", "--no-ws", "--log-level", "warning")
        where = ("--working-dir", str(BENCH), "bare_wsgi:application")
        environment = {"BENCH_PAGES": str(FOLDER)}
        return Launch(self.name, (*granian, *like_serve, *where), ready="/list.html", environment=environment)

    def ask(self, case: Case, base: str) -> Ask | None:
        return ask_kept(case, base)


@dataclass(frozen=True, slots=True)
class Nginx:
    """nginx over the kept pages as files, all in its cache of open files."""

    processes: int
    name: str = "nginx-static"
    kind: Kind = Kind.BOUND
    requirements: tuple[str, ...] = ("nginx",)

    def prepare(self, wheels: tuple[Wheel, ...]) -> Launch:
        nginx = find_program("nginx")
        fill_missing_pages(wheels)
        folder = WORK / "nginx"
        folder.mkdir(parents=True, exist_ok=True)
        template = NGINX_CONFIGURATION.format(
            user=pwd.getpwuid(os.geteuid()).pw_name,
            processes=self.processes,
            folder=folder,
            port="{port}",
            pages=FOLDER,
        )
        return Launch(
            self.name,
            (nginx.path, "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")),
            ready="/list.html",
            files={folder / "nginx.conf": template},
        )

    def ask(self, case: Case, base: str) -> Ask | None:
        return ask_kept(case, base)


def ask_kept(case: Case, base: str) -> Ask:
    """The request of a kept page; both bounds have it at the same path."""
    return Ask(f"{base}/{page_path(case).name}", {"Accept": case.accept, "User-Agent": "pip/26.0"})
