"""`python -m bench.soak`: watch an index under mixed load for minutes, and say whether it went well.

With --contention: eight uploaders and eight readers of a private index at full speed on SQLite, to see whether a lock
error reaches a user.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from bench.errors import BenchError
from bench.figures import say
from bench.installs.installing import Home
from bench.installs.measuring import fill_with_packages, fingerprint
from bench.ours import create_token, launch_index
from bench.peers import page_url
from bench.places import RESULTS
from bench.processes import end_on_sigterm, running
from bench.reporting.document import describe_machine
from bench.soak.acts import FEW, MANY, Installs, Reads, Uploads, Verifications
from bench.soak.loading import Repeated, Watch, watch_under_load
from bench.soak.verdict import Growth, bad_lines, judge_growth
from bench.uploading import basic_authorization
from bench.uploads.takers import Door
from bench.uploads.watching import Pages

AT_ONCE = 8  # uploaders and readers in contention


def main() -> int:
    """Exit code 0: nothing unexpected was seen; 1: something was, or the watch could not be held."""
    end_on_sigterm()
    options = read_options()
    seconds = 60 * options.minutes
    with tempfile.TemporaryDirectory(prefix="bench-soak-") as temporary:
        folder = Path(temporary)
        # A small cache is full before the watch compares: that it fills is no growth that anybody should look into.
        launch = launch_index(folder / "data", private=options.contention, INDEXSITE_CACHE_MIB="4")
        try:
            with running(launch) as server:
                begin = contention if options.contention else mixed_load
                repeated = begin(server.base, folder)
                say(f"watching for {options.minutes:g} minutes")
                watch = watch_under_load(repeated, server, seconds=seconds)
                growth = judge_growth(watch.samples, seconds=seconds)
        except (BenchError, ValueError) as error:
            print(f"The watch could not be held: {error}", file=sys.stderr)
            return 1
        lines = bad_lines(launch.log.read_text(errors="replace").splitlines())  # to the end of its stopping
    return report(watch, growth, lines, contention=options.contention, minutes=options.minutes)


def mixed_load(base: str, folder: Path) -> list[Repeated]:
    """Some uploads, reads, verifying clients and installs a second: an index on a busy day."""
    fill_with_packages(base, folder / "data")
    door = Door(f"{base}/legacy/", basic_authorization("__token__", create_token(folder / "data")), page_url(base, ""))
    _make_projects(door, MANY, {})
    home = Home(folder / "home")
    home.folder.mkdir()
    home.trust(base, fingerprint(base))
    return [
        *(Repeated("upload", Uploads(door, MANY, number), 0.2) for number in (1, 2)),
        *(Repeated("read", Reads(base, MANY, {}, random.Random(number)), 0.05) for number in range(4)),
        Repeated("verify", Verifications(base, MANY, random.Random(7)), 3),
        Repeated("install", Installs(base, home), 20),
    ]


def contention(base: str, folder: Path) -> list[Repeated]:
    """As many uploads and reads as can be, each reader with a token of its own."""
    data = folder / "data"
    door = Door(f"{base}/legacy/", basic_authorization("__token__", create_token(data)), page_url(base, ""))
    readers = [basic_authorization("__token__", create_token(data, "--scope", "read")) for _ in range(AT_ONCE)]
    _make_projects(door, FEW, readers[0])
    return [
        *(Repeated("upload", Uploads(door, FEW, number), 0) for number in range(1, AT_ONCE + 1)),
        *(Repeated("read", Reads(base, FEW, headers, random.Random(n)), 0) for n, headers in enumerate(readers)),
    ]


def _make_projects(door: Door, projects: Sequence[str], headers: dict[str, str]) -> None:
    """A first release of each project, so that every page that is asked for exists."""
    upload, pages = Uploads(door, projects, 0), Pages(door.pages, headers)
    for _ in projects:
        upload()
    for project in projects:
        pages.await_listed(project, [project])
    pages.close()


def report(watch: Watch, growth: list[Growth], lines: list[str], *, contention: bool, minutes: float) -> int:
    """Print the verdict, write the document; returns the exit code."""
    grew = [] if contention else [each for each in growth if not each.is_flat]
    well = not (watch.failed or lines or grew)
    for name, number in watch.done.items():
        print(f"{name}: {number:,} done, {watch.failed.get(name, 0)} failed")
    for each in growth:
        print(each)
    for text in [*watch.errors[:20], *(f"log: {line}" for line in lines[:20])]:
        print(text)
    print("All is well." if well else "NOT well: see above.")
    document = {
        "taken": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "minutes": minutes,
        "machine": describe_machine(),
        "well": well,
        "done": watch.done,
        "failed": watch.failed,
        "errors": watch.errors,
        "log": lines,
        "growth": [{**asdict(each), "flat": each.is_flat} for each in growth],
        "samples": [asdict(each) for each in watch.samples],
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / ("contention.json" if contention else "soak.json")
    path.write_text(json.dumps(document, indent=1) + "\n")
    return 0 if well else 1


def read_options() -> argparse.Namespace:
    """The options, within bounds."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=20, help="length of the watch (default 20)")
    parser.add_argument("--contention", action="store_true", help="eight uploaders and eight readers at full speed")
    options = parser.parse_args()
    if not 0.5 <= options.minutes <= 1440:
        parser.error("--minutes is 0.5 to 1440.")
    return options


if __name__ == "__main__":
    sys.exit(main())
