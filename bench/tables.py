"""The tables of the report: which figures stand beside one another, and what must be known to read them."""

from dataclasses import dataclass

from bench.cases import CASES
from bench.names import INSTALLS, MEMORY, READING, SIGNING, SPENT, UPLOADS


@dataclass(frozen=True, slots=True)
class Column:
    """One case, and the heading over it."""

    case: str
    title: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows are those compared, columns cases. `chart` names the SVG, `charted` the cases that it shows."""

    section: str
    title: str
    unit: str
    columns: tuple[Column, ...]
    note: str = ""
    chart: str = ""
    charted: tuple[str, ...] = ()
    logarithmic: bool = False


_PAGES = tuple(Column(case.name, case.title) for case in CASES if not case.file_bytes)
_FILES = tuple(Column(case.name, case.title) for case in CASES if case.file_bytes)
_BINS = (("256", "256 bins"), ("2048", "2,048 bins"), ("16384", "16,384 bins"))

TABLES = (
    Table(
        READING,
        "Pages",
        "requests a second, 16 connections",
        _PAGES,
        "JSON is what pip asks for (PEP 691), HTML what older clients get; `list` is the list of 10,000 projects, on"
        " servers that hold nothing else. pypiserver has no JSON.",
        chart="pages",
        charted=("four-html", "thousand-html", "list-html"),
        logarithmic=True,
    ),
    Table(
        READING,
        "Files",
        "requests a second",
        _FILES,
        "Behind nginx: a small nginx with a cache in front of our index.",
        chart="files",
        charted=("file", "large-file"),
        logarithmic=True,
    ),
    Table(
        SPENT,
        "Reading, by processor second of the server",
        "requests for each second of processor time",
        (*_PAGES, *_FILES),
        "What a busy machine disturbs least; several processes do not help here.",
    ),
    Table(
        UPLOADS,
        "Uploads",
        "uploads a second",
        (
            Column("answered-1", "answered, 1 client"),
            Column("visible-1", "visible, 1 client"),
            Column("answered-8", "answered, 8 clients"),
            Column("visible-8", "visible, 8 clients"),
        ),
        "Small wheels, each a new release of one of 40 projects. `visible` counts until every file is listed on its"
        " page, which for ours means signed. The bare view is a Django view that parses the form, syncs file and folder"
        " and inserts one row: it checks, signs and lists nothing, so it counts as visible when answered.",
        chart="uploads",
        charted=("visible-1", "visible-8"),
    ),
    Table(
        UPLOADS,
        "From the answer until listed",
        "milliseconds",
        (
            Column("p50-1", "p50, 1 client"),
            Column("p99-1", "p99, 1 client"),
            Column("p50-8", "p50, 8 clients"),
            Column("p99-8", "p99, 8 clients"),
        ),
        "Sampled: one upload at a time is watched by one client that asks for the page every 5 ms.",
    ),
    Table(
        UPLOADS,
        "Processor time of the server for one upload",
        "milliseconds",
        (Column("spent-1", "1 client"), Column("spent-8", "8 clients")),
        "Of all its processes, signing and the watching client's reads included: what a busy machine disturbs least.",
    ),
    Table(
        UPLOADS,
        "Processor time that the load itself took",
        "percent of one core",
        (Column("load-1", "1 client"), Column("load-8", "8 clients")),
        "The load shares the machine with the servers.",
    ),
    Table(
        MEMORY,
        "Memory",
        "MiB (PSS) of all processes",
        (
            Column("idle", "idle"),
            Column("uploads", "after uploads"),
            Column("reading", "after reading"),
            Column("most", "at its most"),
        ),
        "Idle is before the first request of the reading, with the distributions of the reading in place.",
        chart="memory",
        charted=("most",),
    ),
    Table(
        INSTALLS,
        "Installing 20 small packages",
        "seconds",
        (Column("pip", "pip install"), Column("uv", "uv pip install")),
        "Without the installers' own caches, into an empty folder each time. Cold: the client has pinned the root and"
        " knows nothing else; warm: it has installed the same before and keeps documents and verified files.",
        chart="installs",
        charted=("pip", "uv"),
    ),
    Table(
        INSTALLS,
        "Fetched by the verifying client",
        "kB",
        (Column("metadata", "TUF metadata"), Column("everything", "everything")),
        "As nginx in front of the index counted it, headers left out.",
    ),
    Table(
        SIGNING,
        "One upload published",
        "milliseconds",
        tuple(Column(f"publish-{bins}", title) for bins, title in _BINS),
        "From the row in the outbox until the new timestamp is durable: read, render, claim, sign, store, check as two"
        " clients, replace, settle. 1,000,000 targets in 16,384 bins, and as many a bin with fewer bins. The scripts"
        " sign documents of the same size and write them durably, and do nothing else.",
        chart="publishing",
        charted=("publish-256", "publish-2048", "publish-16384"),
    ),
    Table(
        SIGNING,
        "Signing",
        "a second",
        (
            Column("ed25519", "bare Ed25519 signatures"),
            Column("renew-256", "bins renewed, of 256"),
            Column("renew-2048", "bins renewed, of 2,048"),
        ),
        "Renewed: all bins signed anew in one publication, checked, stored and recorded.",
    ),
)
