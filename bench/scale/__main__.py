"""`python -m bench.scale`: an index of PEP 458's size, measured step by step; writes docs/scale.md with --report.

2,273,539 targets in 16,384 bins need 2 GB of disk for a while and, on a quiet machine, a quarter of an hour.
INDEXSITE_DATABASE_URL chooses the database as for the index itself.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from bench.errors import BenchError
from bench.figures import say
from bench.places import CHECKOUT, RESULTS
from bench.processes import end_on_sigterm, run_command
from bench.scale.measuring import Figures, signatures_per_second
from bench.scale.report import as_markdown
from bench.scale.serving import measure_served

TARGETS, BINS = 2_273_539, 16_384  # C8 and C10 of PEP 458's table 2
PAGE = CHECKOUT / "docs" / "scale.md"
_SECONDS = 7200  # that a step may take


def main() -> int:
    """Exit code 0 where everything was measured, whatever the figures are."""
    end_on_sigterm()
    options = read_options()
    with tempfile.TemporaryDirectory(prefix="bench-scale-") as temporary:
        try:
            found = measure(options.keep or Path(temporary), options.targets, options.bins, uploads=options.uploads)
        except BenchError as error:
            print(f"Nothing was written: {error}", file=sys.stderr)
            return 1
    options.results.parent.mkdir(exist_ok=True)
    options.results.write_text(json.dumps(found, indent=1))
    text = as_markdown(found)
    print(text)
    if options.report:
        PAGE.write_text(text)
    return 0


def measure(folder: Path, targets: int, bins: int, *, uploads: int) -> dict[str, Figures]:
    """Every step's figures, by its name. An index that is in the folder already is not populated again."""
    database = {name: value for name, value in os.environ.items() if name == "INDEXSITE_DATABASE_URL"}
    environment = {"INDEXSITE_DATA": str(folder), "INDEXSITE_BINS": str(bins), **database}
    folder.mkdir(parents=True, exist_ok=True)
    populated = folder / "populated.json"
    if not populated.exists():
        say("scale: populate")
        populated.write_text(json.dumps(_run_step("populate", targets, environment)))
    found: dict[str, Figures] = {"asked": {"targets": targets, "bins": bins, "postgresql": len(database)}}
    found["populate"] = json.loads(populated.read_text())
    for step in ("start", "upload", "renew", "resign", "again", "prune"):
        say(f"scale: {step}")
        found[step] = _run_step("resign" if step == "again" else step, uploads, environment)
    say("scale: serve")
    found["served"], found["weights"] = measure_served(folder, uploads=uploads, environment=environment)
    return found


def _run_step(step: str, number: int, environment: dict[str, str]) -> Figures:
    """What the step said, with how the machine was just before and after it."""
    before = signatures_per_second()
    command = (sys.executable, "-m", "bench.scale.inside", step, str(number))
    inside = {"DJANGO_SETTINGS_MODULE": "indexsite.settings", "PYTHONPATH": str(CHECKOUT)}
    printed = run_command(f"scale: {step}", command, environment | inside, seconds=_SECONDS)
    said: Figures = json.loads(printed.splitlines()[-1])
    load = os.getloadavg()[0]
    return said | {"load": load, "signatures": (before + signatures_per_second()) / 2}


def read_options() -> argparse.Namespace:
    """The options, within bounds."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("--targets", type=int, default=TARGETS)
    parser.add_argument("--bins", type=int, default=BINS)
    parser.add_argument("--uploads", type=int, default=9)
    parser.add_argument("--keep", type=Path, help="a folder in which the index stays, to be measured again")
    parser.add_argument("--results", type=Path, default=RESULTS / "scale.json", help="where the figures are kept")
    parser.add_argument("--report", action="store_true", help="write docs/scale.md")
    options = parser.parse_args()
    if not (12 <= options.targets <= 10_000_000 and 1 <= options.uploads <= 100):
        parser.error("--targets is 12 to 10,000,000, --uploads 1 to 100.")
    return options


if __name__ == "__main__":
    sys.exit(main())
