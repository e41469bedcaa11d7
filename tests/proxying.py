"""A real nginx before a real index, with the configuration of `deploy/nginx/` and only its places changed."""

import os
import pwd
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.debian import Program, find_program
from bench.errors import ToolMissingError
from tests.databases import missing_part
from tests.running import CHECKOUT, RunningIndex, eventually, free_port

DEPLOYED = CHECKOUT / "deploy" / "nginx"
BEHIND_NGINX = {"INDEXSITE_TRUSTED_PROXIES": "127.0.0.1"}
_MAIN = """\
daemon off;
user {user};
worker_processes 1;
pid nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path other;
    uwsgi_temp_path other;
    scgi_temp_path other;
    {server}
}}
"""


def find_nginx() -> Program:
    """nginx of the machine or from its distribution's package."""
    try:
        return find_program("nginx")
    except ToolMissingError as error:
        missing_part(str(error))


def configured(folder: Path, index: RunningIndex, port: int, *, locations: str = "open", site: str = "") -> Path:
    """Write the deployed configuration into a folder, with this index's places; returns the main file's path."""
    changed = {
        "server 127.0.0.1:8000": f"server 127.0.0.1:{index.port}",
        "/srv/indexsite/store/": f"{index.data}/store/",
        "/var/cache/nginx/indexsite": f"{folder}/cache",
        "/etc/ssl/indexsite/": f"{folder}/",
        "/var/log/nginx/": f"{folder}/",
        "listen 80;": "listen 127.0.0.1:1;",
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "include indexsite/": f"include {folder}/indexsite/",
    }
    (folder / "indexsite").mkdir(parents=True)
    for path in DEPLOYED.glob("*.conf"):
        text = path.read_text()
        for old, new in changed.items():
            text = text.replace(old, new)
        (folder / "indexsite" / path.name).write_text(text)
    plain = f"""include {folder}/indexsite/indexsite-http.conf;
    server {{
        listen 127.0.0.1:{port};
        access_log {folder}/access.log indexsite buffer=64k flush=5s;
        include {folder}/indexsite/locations-{locations}.conf;
    }}"""
    main = folder / "nginx.conf"
    user = pwd.getpwuid(os.geteuid()).pw_name
    main.write_text(_MAIN.format(user=user, folder=folder, server=site or plain))
    return main


def configured_over(folder: Path, tree: Path, port: int) -> Path:
    """The same for a tree of `tuf_export`, which nginx serves alone."""
    (folder / "indexsite").mkdir(parents=True)
    for name in ("exported-http.conf", "locations-exported.conf"):
        text = (DEPLOYED / name).read_text().replace("/srv/indexsite/export", str(tree))
        (folder / "indexsite" / name).write_text(text)
    site = f"""include {folder}/indexsite/exported-http.conf;
    server {{
        listen 127.0.0.1:{port};
        include {folder}/indexsite/locations-exported.conf;
    }}"""
    main = folder / "nginx.conf"
    main.write_text(_MAIN.format(user=pwd.getpwuid(os.geteuid()).pw_name, folder=folder, server=site))
    return main


@contextmanager
def nginx_over(tree: Path, folder: Path) -> Iterator[RunningIndex]:
    """An exported tree as nginx serves it, with the face of an index."""
    port = free_port()
    with _running(configured_over(folder, tree, port), RunningIndex(folder / "data", port), folder) as front:
        yield front


@contextmanager
def nginx_before(index: RunningIndex, folder: Path, *, locations: str = "open") -> Iterator[RunningIndex]:
    """The same index as it is reached through nginx."""
    port = free_port()
    front = RunningIndex(index.data, port, index.variables)
    front.log = index.log
    with _running(configured(folder, index, port, locations=locations), front, folder, asked="/health/live"):
        yield front


@contextmanager
def _running(main: Path, front: RunningIndex, folder: Path, *, asked: str = "/simple/") -> Iterator[RunningIndex]:
    nginx = find_nginx()
    command = [nginx.path, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(main)]
    process = subprocess.Popen(command, env=nginx.environment())
    try:
        eventually(lambda: _answers(process, front, folder, asked), what="nginx")
        yield front
    finally:
        process.terminate()
        process.wait(10)


def _answers(process: "subprocess.Popen[bytes]", front: RunningIndex, folder: Path, asked: str) -> bool:
    assert process.poll() is None, (folder / "error.log").read_text()
    with suppress(OSError):
        return front.get(asked).status == 200
    return False
