"""A WSGI callable that answers the kept pages from memory after one `os.stat`: the bound for any Python index.

granian imports it by itself, so it imports nothing of ours; the folder comes from the environment.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

FOLDER = Path(os.environ["BENCH_PAGES"])
WATCHED = str(FOLDER)
TYPES = {".json": "application/vnd.pypi.simple.v1+json", ".html": "text/html", ".whl": "application/octet-stream"}
PAGES = {f"/{path.name}": (TYPES[path.suffix], path.read_bytes()) for path in FOLDER.iterdir()}


def application(
    environ: dict[str, object], start_response: Callable[[str, list[tuple[str, str]]], object]
) -> Iterable[bytes]:
    """WSGI (PEP 3333)."""
    os.stat(WATCHED)  # what an index pays to see that nothing newer was published
    found = PAGES.get(str(environ["PATH_INFO"]))
    if found is None:
        start_response("404 Not Found", [("Content-Type", "text/plain"), ("Content-Length", "0")])
        return ()
    media_type, body = found
    start_response("200 OK", [("Content-Type", media_type), ("Content-Length", str(len(body)))])
    return (body,)
