"""nginx as the measurements use it: over a folder of files, or in front of an index, with a cache or counting."""

import os
import pwd
from pathlib import Path

from bench.debian import find_program
from bench.places import WORK
from bench.processes import Launch

_CONFIGURATION = """\
daemon off;
user {user};
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr;
events {{ worker_connections 256; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    open_file_cache max=20000;
    types {{ application/vnd.pypi.simple.v1+json json; text/html html; }}
    default_type application/octet-stream;
    client_body_temp_path {folder}/temporary;
    proxy_temp_path {folder}/proxied;
    fastcgi_temp_path {folder}/temporary;
    uwsgi_temp_path {folder}/temporary;
    scgi_temp_path {folder}/temporary;
{server}
}}
"""
_BEHIND = "proxy_set_header Host $host; proxy_http_version 1.1; proxy_set_header Connection '';"


def serve_folder(name: str, files: Path, *, ready: str) -> Launch:
    """nginx over a folder; a folder's page is its `index.json`."""
    return _launch(name, f"    server {{ listen 127.0.0.1:{{port}}; root {files}; index index.json; }}", ready=ready)


def cache_in_front(name: str, *, behind: str) -> Launch:
    """nginx before the server named `behind`: what may be cached is, and comes from its own files from then on."""
    cache = WORK / "nginx" / name / "cache"
    server = (
        f"    proxy_cache_path {cache} keys_zone=index:10m max_size=1g use_temp_path=off;\n"
        f"    upstream index {{ server {{behind}}; keepalive 16; }}\n"
        "    server { listen 127.0.0.1:{port};\n"
        f"        location / {{ proxy_pass http://index; proxy_cache index; {_BEHIND} }} }}"
    )
    return _launch(name, server, ready="/health/ready", behind=behind)


def count_in_front(name: str, log: Path, *, behind: str) -> Launch:
    """nginx before the server named `behind`, which writes the path and the sent bytes of each answer to `log`."""
    server = (
        "    log_format counted '$uri $body_bytes_sent';\n"
        f"    server {{ listen 127.0.0.1:{{port}}; access_log {log} counted;\n"
        f"        location / {{ proxy_pass http://{{behind}}; {_BEHIND} }} }}"
    )
    return _launch(name, server, ready="/health/ready", behind=behind)


def _launch(name: str, server: str, *, ready: str, behind: str = "") -> Launch:
    nginx, folder = find_program("nginx"), WORK / "nginx" / name
    folder.mkdir(parents=True, exist_ok=True)
    user = pwd.getpwuid(os.geteuid()).pw_name
    configuration = folder / "nginx.conf"
    return Launch(
        name,
        (nginx.path, "-p", str(folder), "-e", "stderr", "-c", str(configuration)),
        ready=ready,
        files={configuration: _CONFIGURATION.format(user=user, folder=folder, server=server)},
        behind=behind,
    )
