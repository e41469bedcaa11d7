"""`python -m bench`: measure how quickly our index is read, beside its peers, and print one table."""

import argparse
import os
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType

from bench.bounds import BareWsgi, Nginx
from bench.cases import CASES, Case
from bench.debian import find_program
from bench.distributions import generate_wheels, write_wheels
from bench.errors import ToolMissingError
from bench.ours import Indexsite
from bench.peers import Devpi, Pypiserver, SimpleRepositoryServer
from bench.places import RESULTS
from bench.reading import read_all
from bench.report import Report, as_text, write_json
from bench.servers import Server, wheels_folder


def main() -> int:
    """Exit code 0: everything asked for was measured, whether goals are met or not; 1: something could not be."""
    signal.signal(signal.SIGTERM, _end)
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        options = read_options()
        servers, cases = choose(make_servers(Path(temporary), options.processes), options.only)
        try:
            wrk = find_program("wrk")
        except ToolMissingError as error:
            print(f"Nothing was measured: {error}", file=sys.stderr)
            return 1
        busy = os.getloadavg()[0]
        wheels = generate_wheels()
        write_wheels(wheels, wheels_folder())
        readings = read_all(wrk, servers, cases, wheels, seconds=options.seconds, rounds=options.rounds)
    report = Report(servers, cases, readings, seconds=options.seconds, rounds=options.rounds, busy=busy)
    print(as_text(report))
    write_json(report, RESULTS / ("partial.json" if options.only else "latest.json"))
    return 1 if readings.unmeasured else 0


def make_servers(temporary: Path, processes: int) -> tuple[Server, ...]:
    """Every server of the table, ours first: the bounds serve the pages that ours answered."""
    return (
        Indexsite(temporary),
        Indexsite(temporary, private=True),
        Pypiserver(processes),
        Devpi(),
        SimpleRepositoryServer(processes),
        BareWsgi(),
        Nginx(processes),
    )


def choose(servers: tuple[Server, ...], only: list[str]) -> tuple[tuple[Server, ...], tuple[Case, ...]]:
    """The servers and cases named; all servers where no server is named, all cases where no case is."""
    known = {server.name for server in servers} | {case.name for case in CASES}
    if unknown := [name for name in only if name not in known]:
        raise SystemExit(f"--only knows {', '.join(sorted(known))}; not {', '.join(unknown)}.")
    named_servers = tuple(server for server in servers if server.name in only)
    named_cases = tuple(case for case in CASES if case.name in only)
    return named_servers or servers, named_cases or CASES


def read_options() -> argparse.Namespace:
    """The options, within bounds: a measurement must end."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--seconds", type=int, default=2, help="length of each measurement (default 2)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured (default 3)")
    parser.add_argument(
        "--processes", type=int, default=1, help="of each peer that can use several (default 1, as ours)"
    )
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="a server or case; repeatable")
    options = parser.parse_args()
    if not (1 <= options.seconds <= 60 and 1 <= options.rounds <= 20 and 1 <= options.processes <= 16):
        parser.error("--seconds is 1 to 60, --rounds 1 to 20, --processes 1 to 16.")
    return options


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)  # leaves every `with`, so that no server outlives the run


if __name__ == "__main__":
    sys.exit(main())
