"""What is installed: twenty small packages, of which the first needs the others, some through one another."""

import json
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from bench.asks import Ask, fetch
from bench.cases import ACCEPT_JSON
from bench.distributions import Wheel, make_wheel
from bench.errors import WrongAnswerError
from bench.peers import page_url

COUNT = 20
TOP = "installed00"
PAYLOAD = b"x = 1\n" * 500  # as long as many a small module


def packages_to_install() -> tuple[Wheel, ...]:
    """`installed00` needs 01 to 09, and each of these one of 10 to 19: resolvers meet both width and depth."""
    names = [f"installed{number:02}" for number in range(COUNT)]
    needs = {names[0]: tuple(names[1:10]), **{names[n]: (names[n + 9],) for n in range(1, 10)}}
    needs[names[9]] += (names[19],)
    return tuple(
        make_wheel(name, "1.0", "py3-none-any", payload=PAYLOAD, requires=needs.get(name, ())) for name in names
    )


def copy_pages_and_files(base: str, folder: Path) -> None:
    """Lay out as files what the index at `base` answers to pip, so that nginx serves the very same bytes."""
    for wheel in packages_to_install():
        page = fetch(Ask(page_url(base, wheel.project), {"Accept": ACCEPT_JSON}))
        if page.status != 200:
            raise WrongAnswerError(page_url(base, wheel.project), f"was answered {page.status}")
        _keep(folder / "simple" / wheel.project / "index.json", page.body)
        for file in json.loads(page.body)["files"]:
            url = urljoin(page_url(base, wheel.project), file["url"])
            for each in (url, f"{url}.metadata"):
                answer = fetch(Ask(each))
                if answer.status != 200:
                    raise WrongAnswerError(each, f"was answered {answer.status}")
                _keep(folder / urlsplit(each).path.lstrip("/"), answer.body)


def _keep(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
