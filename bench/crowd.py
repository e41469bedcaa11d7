"""An index of many projects: `python -m bench.crowd [--projects 100000] searches|list`, on a new data folder.

`searches` asks typical and hostile queries of the search index, on SQLite or what INDEXSITE_DATABASE_URL names. `list`
reads /simple/ from a running web process, before and after publications that add a project.
"""

import argparse
import hashlib
import http.client
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

import django

if "INDEXSITE_DATA" not in os.environ:
    os.environ["INDEXSITE_DATA"] = tempfile.mkdtemp(prefix="bench-crowd-")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "indexsite.settings")
django.setup()

import psutil  # noqa: E402  # Django is set up by now
from django.core.management import call_command  # noqa: E402
from django.db import transaction  # noqa: E402
from django.utils import timezone  # noqa: E402

from bench.places import CHECKOUT  # noqa: E402
from bench.signing.populating import add_release  # noqa: E402
from indexsite.serving.preparation import prepare_index  # noqa: E402
from indexsite_client.protocol import NormalizedName, page_target_path  # noqa: E402
from packages import changes  # noqa: E402
from packages.models import File, Project, Release, ReleaseDescription  # noqa: E402
from search import keeping  # noqa: E402
from search.models import Document  # noqa: E402
from search.searching import search  # noqa: E402
from search.values import Filters, Order  # noqa: E402
from tufsigning.ceremony import hold_development_ceremony  # noqa: E402
from tufsigning.clock import signing_time  # noqa: E402
from tufsigning.core.documents import target_entry  # noqa: E402
from tufsigning.core.publication import Current, Plan  # noqa: E402
from tufsigning.library import Library  # noqa: E402
from tufsigning.publisher import Publisher  # noqa: E402

_PIECES = (
    "web",
    "data",
    "api",
    "http",
    "json",
    "test",
    "lib",
    "py",
    "django",
    "flask",
    "async",
    "core",
    "tool",
    "client",
)
_SYLLABLES = (
    "ba",
    "co",
    "di",
    "fu",
    "ge",
    "hi",
    "jo",
    "ka",
    "le",
    "mi",
    "no",
    "pa",
    "qui",
    "ro",
    "su",
    "ta",
    "ve",
    "wo",
)
_ROUNDS = 7
QUERIES = (
    "requests",
    "py",
    "python",
    "web",
    "the",
    "web framework client",
    "reqeusts",
    "qyxbw",
    "a",
    "django djagno web",
)


def names(count: int) -> list[str]:
    """Plausible names, the same every time."""
    chance, found = random.Random(1), dict[str, None]()  # noqa: S311  # no secrets
    while len(found) < count:
        word = "".join(chance.choices(_SYLLABLES, k=chance.randint(2, 4)))
        found["-".join([*chance.sample(_PIECES, k=chance.randint(0, 2)), word])] = None
    return list(found)


class CrowdPublisher(Publisher):
    """Publishes the ceremony's empty bins with pages of projects in them. Their bytes are nowhere: nobody asks."""

    def __init__(self, library: Library, projects: list[str]) -> None:
        super().__init__(library)
        self._projects = projects

    def publish_first(self, start: Current, plan: Plan, *, now: datetime) -> None:
        """Sign, store, record and check all of it as any publication."""
        targets = {role: dict(entries) for role, entries in plan.targets.items()}
        for name in self._projects:
            path = page_target_path(NormalizedName(name))
            entry = target_entry(sha256=hashlib.sha256(path.encode()).hexdigest(), length=500)
            targets[start.bins.bin_of(path)][path] = entry
        super().publish_first(start, replace(plan, targets=MappingProxyType(targets)), now=now)


def add_rows(projects: list[str]) -> None:
    """Projects with a described release each: 300 words of description, seven classifiers."""
    chance, now = random.Random(2), timezone.now()  # noqa: S311  # no secrets
    words = ["".join(chance.choices(_SYLLABLES, k=chance.randint(1, 4))) for _ in range(20_000)]
    for start in range(0, len(projects), 2000):
        with transaction.atomic():
            rows = [
                Project(name=each, display_name=each, created_at=now, may_resemble=True)
                for each in projects[start : start + 2000]
            ]
            Project.objects.bulk_create(rows)
            releases = [Release(project=row, version="1.0", created_at=now, describe_at=None) for row in rows]
            Release.objects.bulk_create(releases)
            File.objects.bulk_create(_file(release, chance, words, now) for release in releases)
            ReleaseDescription.objects.bulk_create(_description(release, chance, words, now) for release in releases)


def _file(release: Release, chance: random.Random, words: list[str], now: datetime) -> File:
    summary = " ".join(["A Python", chance.choice(_PIECES), "for", *chance.sample(words, 4), chance.choice(_PIECES)])
    name = f"{release.project.name.replace('-', '_')}-1.0.tar.gz"
    values = {"sha256": "a" * 64, "size": 1, "uploaded_at": now, "state": "published", "voucher": "unclaimed"}
    return File(release=release, filename=name, summary=summary, **values)


def _description(release: Release, chance: random.Random, words: list[str], now: datetime) -> ReleaseDescription:
    text = "the python library: pip install it. " + " ".join(chance.sample(words, 250) + chance.sample(_PIECES, 9))
    classifiers = [f"Programming Language :: Python :: 3.{minor}" for minor in range(11, 14)]
    classifiers += [f"Topic :: {chance.choice(_PIECES)}", f"Framework :: {chance.choice(_PIECES)}"]
    return ReleaseDescription(release=release, metadata={"classifiers": classifiers}, text=text, described_at=now)


def measure_searches(projects: list[str], *, seconds: float) -> None:
    """The rebuild, then each query with its first and its middle time."""
    call_command("migrate", interactive=False, verbosity=0)
    if not Project.objects.exists():  # else an earlier run is gone on with
        add_rows([*projects, "requests"])
        changes.note(changes.published_project_ids())
    spent, began, count = time.process_time(), time.perf_counter(), 0
    while (read := keeping.keep_up(seconds=5)) and time.perf_counter() - began < seconds:
        count += read
    spent = time.process_time() - spent
    print(
        f"read {count:,} projects in {time.perf_counter() - began:.0f} s, {spent:.0f} s of processor time", flush=True
    )
    print(f"{Document.objects.count():,} projects can be found", flush=True)
    web = Filters(classifiers=("Framework :: web", "Programming Language :: Python :: 3.12"))
    for text in QUERIES:
        _say(f"{text!r}", lambda text=text: search(text).total)  # type: ignore[misc]  # a loop's own value
    _say("'web', newest", lambda: search("web", order=Order.NEWEST).total)
    _say("'web', two classifiers", lambda: search("web", web).total)
    _say("everything", lambda: search("").total)
    _say("everything, two classifiers", lambda: search("", web).total)


def _say(what: str, act: Callable[[], int]) -> None:
    times = []
    found = 0
    for _ in range(_ROUNDS):
        before = time.perf_counter()
        found = act()
        times.append(1000 * (time.perf_counter() - before))
    print(
        f"{what:32} {found:6} found, first {times[0]:7.1f} ms, median {sorted(times)[_ROUNDS // 2]:7.1f} ms", flush=True
    )


def measure_list(projects: list[str], port: int) -> None:
    """The list as it is, and after each of some publications that add a project; memory of the web process."""
    call_command("migrate", interactive=False, verbosity=0)
    hold_development_ceremony(CrowdPublisher(Library(), projects), now=timezone.now())
    prepare_index(now=timezone.now())
    command = [sys.executable, str(CHECKOUT / "manage.py"), "web", "--port", str(port)]
    web = subprocess.Popen(command, cwd=CHECKOUT)
    try:
        _measure_list(port, web)
    finally:
        web.terminate()
        web.wait(20)


def _measure_list(port: int, web: subprocess.Popen[bytes]) -> None:
    _wait(port)
    print(f"web process before the list: {_memory(web):.0f} MiB")
    publisher = Publisher(Library())
    for number in range(4):
        for accept, encoding in _forms():
            first, begun, size = _read(port, accept, encoding)
            again = [_read(port, accept, encoding)[0] for _ in range(9)]
            said = f"{accept[-9:]:9} {encoding or 'identity':8} {size / 1e6:6.2f} MB"
            print(
                f"{said}: first {first:7.1f} ms (first byte {begun:7.1f} ms), then {sorted(again)[4]:6.1f} ms",
                flush=True,
            )
        print(f"web process: {_memory(web):.0f} MiB")
        add_release(f"added{number}", 0) if number < 3 else add_release("added0", 1)
        before = time.perf_counter()
        publisher.publish_waiting(signing_time)
        print(f"-- publication that adds {'a project' if number < 3 else 'a file'}: ", end="")
        print(f"{1000 * (time.perf_counter() - before):.0f} ms", flush=True)
    for accept, encoding in _forms():
        first, begun, _ = _read(port, accept, encoding)
        print(f"after it, {accept[-9:]:9} {encoding or 'identity':8}: {first:7.1f} ms (first byte {begun:7.1f} ms)")


def _forms() -> Iterator[tuple[str, str]]:
    for accept in ("application/vnd.pypi.simple.v1+json", "text/html"):
        yield from ((accept, "gzip"), (accept, ""))


def _read(port: int, accept: str, encoding: str) -> tuple[float, float, int]:
    """Milliseconds for all of it and until its first byte, and its bytes."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    before = time.perf_counter()
    connection.request("GET", "/simple/", headers={"Accept": accept, "Accept-Encoding": encoding or "identity"})
    answer = connection.getresponse()
    begun = time.perf_counter()
    size = len(answer.read())
    if answer.status != 200 or size < 1000:
        raise SystemExit(f"/simple/ was answered {answer.status}; the figures would mean nothing.")
    connection.close()
    return 1000 * (time.perf_counter() - before), 1000 * (begun - before), size


def _wait(port: int) -> None:
    for _ in range(600):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/health/live")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.1)
        finally:
            connection.close()
    raise SystemExit("The web process does not answer.")


def _memory(web: subprocess.Popen[bytes]) -> float:
    processes = [psutil.Process(web.pid), *psutil.Process(web.pid).children(recursive=True)]
    return sum(each.memory_full_info().pss for each in processes) / 2**20


def main() -> None:
    """Populate, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("searches", "list"))
    parser.add_argument("--projects", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=3600, help="for reading projects into the search index")
    parser.add_argument("--port", type=int, default=8999)
    options = parser.parse_args()
    if options.what == "searches":
        measure_searches(names(options.projects), seconds=options.seconds)
    else:
        measure_list(names(options.projects), options.port)
    print(json.dumps({"folder": os.environ["INDEXSITE_DATA"]}))


if __name__ == "__main__":
    main()
