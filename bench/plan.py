"""Everything that can be measured, and which of it was asked for."""

from collections.abc import Collection as AnyCollection
from dataclasses import dataclass
from pathlib import Path

from bench.bounds import BareWsgi, Nginx
from bench.cases import CASES
from bench.debian import find_program
from bench.distributions import main_collection, wide_collection
from bench.errors import ToolMissingError
from bench.figures import Findings
from bench.installs.measuring import measure_installs
from bench.memory import note_most
from bench.names import BARE_SCRIPT, COLD, INSTALLS, PLAIN, READING, SECTIONS, SIGNING, TUF_SCRIPT, UPLOADS, WARM
from bench.ours import Fronted, Indexsite
from bench.peers import Devpi, Pypiserver, SimpleRepositoryServer
from bench.reading import Plan, read_all
from bench.reporting.document import Compared
from bench.servers import Server
from bench.signing.measuring import measure_signing
from bench.uploads.measuring import measure_uploads
from bench.uploads.takers import make_takers

MORE_INSTALLS = 2  # than rounds: the ratios asked for are near to one
UPLOAD_SHARE = 3  # times as long as a reading


@dataclass(frozen=True, slots=True)
class Selection:
    """What was asked for; empty names of servers or cases stand for all of them."""

    sections: tuple[str, ...]
    servers: frozenset[str]
    cases: frozenset[str]


def make_servers(temporary: Path) -> tuple[Server, ...]:
    """Every server that is read from, ours first: the bounds serve the pages that ours answered."""
    return (
        Indexsite(temporary),
        Indexsite(temporary, private=True),
        Fronted(),
        Pypiserver(),
        Pypiserver(2),
        Devpi(),
        SimpleRepositoryServer(),
        SimpleRepositoryServer(2),
        BareWsgi(),
        Nginx(),
    )


def select(only: AnyCollection[str]) -> Selection:
    """What these names mean: where no section is named, those in which the servers and cases named appear.

    Raises KeyError with the names that mean nothing.
    """
    readers = {server.name for server in make_servers(Path())}
    takers = {taker.name for taker in make_takers()}
    cases = frozenset(case.name for case in CASES) & {*only}
    sections = tuple(section for section in SECTIONS if section in only)
    if unknown := {*only} - readers - takers - cases - {*SECTIONS}:
        raise KeyError(", ".join(sorted(unknown)))
    servers = frozenset((readers | takers) & {*only})
    if not sections:
        reads, uploads = bool(cases or servers & readers), bool(servers & takers and not cases)
        sections = tuple(name for name, meant in ((READING, reads), (UPLOADS, uploads)) if meant)
    return Selection(sections or SECTIONS, servers, cases)


def describe_names() -> str:
    """Every name that `select` knows."""
    servers = [server.name for server in make_servers(Path())]
    takers = [taker.name for taker in make_takers() if taker.name not in servers]
    return "; ".join(", ".join(names) for names in (SECTIONS, [case.name for case in CASES], servers, takers))


def compared(servers: tuple[Server, ...]) -> dict[str, Compared]:
    """Every name under which figures stand, and what part it plays."""
    found = {server.name: Compared(server.kind.value, server.requirements) for server in servers}
    for taker in make_takers():
        found.setdefault(taker.name, Compared(taker.kind.value, taker.requirements))
    found |= {name: Compared("ours") for name in (PLAIN, COLD, WARM)}
    return found | {name: Compared("bound") for name in (BARE_SCRIPT, TUF_SCRIPT)}


def measure(
    selection: Selection, servers: tuple[Server, ...], findings: Findings, *, seconds: int, rounds: int
) -> None:
    """Measure the sections asked for, one after the other; what fails is noted in the findings."""

    def named(name: str) -> bool:
        return not selection.servers or name in selection.servers

    if READING in selection.sections:
        cases = tuple(case for case in CASES if not selection.cases or case.name in selection.cases)
        plan = Plan(tuple(server for server in servers if named(server.name)), cases, seconds, rounds)
        try:
            wrk = find_program("wrk")
            for collection in (main_collection, wide_collection):
                read_all(wrk, plan, collection(), findings)
        except ToolMissingError as error:
            findings.note_failure("reading", error)
    if UPLOADS in selection.sections:
        takers = [taker for taker in make_takers() if named(taker.name)]
        measure_uploads(takers, findings, seconds=UPLOAD_SHARE * seconds, rounds=rounds)
    if INSTALLS in selection.sections:
        measure_installs(findings, rounds=MORE_INSTALLS + rounds)
    if SIGNING in selection.sections:
        measure_signing(findings)
    note_most(findings)
