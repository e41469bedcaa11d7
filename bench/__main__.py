"""`python -m bench`: measure our index beside its peers, print one table, and write docs/performance.md."""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from bench.errors import BenchError
from bench.figures import Findings
from bench.places import RESULTS
from bench.plan import Selection, compared, describe_names, make_servers, measure, select
from bench.processes import end_on_sigterm
from bench.reporting.document import Document, describe_machine, read_whole_document, write_document
from bench.reporting.markdown import write_pages
from bench.reporting.terminal import as_text

LATEST = RESULTS / "latest.json"


def main() -> int:
    """Exit code 0: everything asked for was measured, whether goals are met or not; 1: something could not be."""
    end_on_sigterm()
    options = read_options()
    if options.report:
        return report()
    busy, begun, findings = os.getloadavg()[0], time.monotonic(), Findings()
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        servers = make_servers(Path(temporary))
        selection = choose(options.only)
        measure(selection, servers, findings, seconds=options.seconds, rounds=options.rounds)
    document = Document(
        sections=selection.sections,
        compared=compared(servers),
        figures=findings.figures(),
        not_measured=findings.unmeasured,
        settings={"seconds": options.seconds, "rounds": options.rounds},
        busy=busy,
        minutes=(time.monotonic() - begun) / 60,
        machine=describe_machine(),
    )
    print(as_text(document))
    write_document(document, RESULTS / "partial.json" if options.only else LATEST)
    code = 0 if options.only else report()
    return 1 if findings.unmeasured else code


def report() -> int:
    """Make docs/performance.md from the latest whole run."""
    try:
        write_pages(read_whole_document(LATEST))
    except BenchError as error:
        print(f"docs/performance.md stays as it is: {error}", file=sys.stderr)
        return 1
    return 0


def choose(only: list[str]) -> Selection:
    """What --only names; raises SystemExit where a name is not known."""
    try:
        return select(only)
    except KeyError as error:
        raise SystemExit(f"--only knows {describe_names()}; not {error.args[0]}.") from None


def read_options() -> argparse.Namespace:
    """The options, within bounds: a measurement must end."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--seconds", type=int, default=1, help="length of each reading (default 1)")
    parser.add_argument("--rounds", type=int, default=4, help="how often each is measured (default 4)")
    parser.add_argument(
        "--only", action="append", default=[], metavar="NAME", help="section, server or case; repeatable"
    )
    parser.add_argument("--report", action="store_true", help="only make docs/performance.md from the latest results")
    options = parser.parse_args()
    if not (1 <= options.seconds <= 60 and 1 <= options.rounds <= 20):
        parser.error("--seconds is 1 to 60, --rounds 1 to 20.")
    return options


if __name__ == "__main__":
    sys.exit(main())
