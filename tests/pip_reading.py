"""Reads pages as pip does: in a process of its own, from JSON on stdin to JSON on stdout, for pip is no library."""

import base64
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.running import CHECKOUT


@dataclass(frozen=True, slots=True)
class Served:
    """A page as it came: its address, exact content type, and bytes."""

    url: str
    content_type: str
    body: bytes


def read_with_pip(pages: Sequence[Served]) -> list[list[dict[str, Any]]]:  # Any: JSON
    """What pip takes from each page: its links, with everything that it acts on."""
    sent = [[page.url, page.content_type, base64.b64encode(page.body).decode()] for page in pages]
    command = [sys.executable, "-m", "tests.pip_reading"]
    done = subprocess.run(command, cwd=CHECKOUT, input=json.dumps(sent), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    links: list[list[dict[str, Any]]] = json.loads(done.stdout)
    return links


def _read() -> None:
    from pip._internal.index.collector import IndexContent, _ensure_api_header, parse_links  # noqa: PLC0415

    @dataclass
    class Response:  # what pip asks of a reply before it parses it
        headers: dict[str, str]
        request: Any = None

    found = []
    for url, content_type, body in json.load(sys.stdin):
        reply: Any = Response({"Content-Type": content_type})  # Any: in the place of requests' class
        _ensure_api_header(reply)  # raises for a type that pip does not know
        encoding = content_type.partition("charset=")[2] or None
        content = IndexContent(base64.b64decode(body), content_type, encoding, url, cache_link_parsing=False)
        found.append(
            [
                {
                    "filename": link.filename,
                    "url": link.url_without_fragment,
                    "hashes": dict(link._hashes),
                    "requires_python": link.requires_python,
                    "yanked": link.yanked_reason,
                    "metadata": link.metadata_file_data and link.metadata_file_data.hashes,
                }
                for link in parse_links(content)
            ]
        )
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    _read()
