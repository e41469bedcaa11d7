"""docs/scale.md, made from the figures of one run and from nothing else."""

from collections.abc import Mapping

from bench.scale.measuring import AVERAGE_FILE, Figures, overheads

_STEPS = {
    "resign": "every role signed anew in one publication, by a publisher that just started",
    "again": "the same once more",
    "upload": "an upload, from its rows until it is visible (median)",
    "renew": "the renewal's usual slice",
    "start": "what a publisher reads at its start",
    "prune": "`tuf_prune`",
}
_OPENING = """\
# At the size of PEP 458

Made by `python -m bench.scale --report`; every figure is of one run on one machine. {targets:,} targets in {bins:,}
bins of {mebibytes:,.0f} MB together, the largest of {largest:,.0f} bytes; the snapshot has {snapshot:,.0f} bytes. The
database is {database}, the store a folder. Names and files are generated and look like PyPI's; the bytes of the files
do not exist, since nobody asks for them, so neither do the pages: what reads those is not measured here.

Each line is a process of its own. *Seconds* are by the clock; *processor* is user and system time of the process, which
a busy machine disturbs less; *peak* is the most memory it ever held; *load* is the machine's load average, and
*signatures* how many bare Ed25519 signatures a second it could make just then: a core that is free makes about 30,000.
"""


def as_markdown(found: Mapping[str, Figures]) -> str:
    """The page."""
    asked, sizes = found["asked"], found["populate"]
    database = "PostgreSQL" if asked["postgresql"] else "SQLite"
    opening = _OPENING.format(
        targets=int(asked["targets"]),
        bins=int(asked["bins"]),
        mebibytes=sizes["bytes"] / 1e6,
        largest=sizes["largest"],
        snapshot=sizes["snapshot"],
        database=database,
    )
    return "\n".join([opening, _steps(found), _served(found["served"]), _weights(found["weights"])])


def _steps(found: Mapping[str, Figures]) -> str:
    lines = ["| what | seconds | processor, s | peak, MiB | load | signatures |", "|---|---:|---:|---:|---:|---:|"]
    for step, what in _STEPS.items():
        if (each := found.get(step)) is None:
            lines.append(f"| {what} | not measured in this run | | | | |")
            continue
        seconds = each.get("seconds", each.get("median", 0.0))
        lines.append(
            f"| {what} | {seconds:.2f} | {each['processor']:.2f} | {each['peak']:.0f} | {each['load']:.1f}"
            f" | {each['signatures']:,.0f} |"
        )
    return "\n".join(lines) + "\n"


def _served(served: Figures) -> str:
    lines = ["## Served", "", "By `manage.py serve`, over HTTP.", "", "| what | |", "|---|---:|"]
    lines += [f"| {what}, s | {value:.3f} |" for what, value in served.items() if what.startswith("first")]
    visible = "from the answer to an upload until its page lists it"
    lines.append(f"| {visible}, median, s | {served['visible median']:.3f} |")
    lines.append(f"| {visible}, slowest, s | {served['visible slowest']:.3f} |")
    lines.append(f"| most memory that one of its processes held, MiB | {served['peak of a part']:.0f} |")
    return "\n".join(lines) + "\n"


def _weights(weights: Figures) -> str:
    text = f"""\
## What clients fetch, beside table 3 of PEP 458

For one distribution, of {AVERAGE_FILE:,} bytes on average (C9). The PEP's formulas, with bytes as the index answered
them in place of estimates: two bins (of the file and of its page; the mean of a sample), the snapshot where there is a
new one, and for a new client the role above the bins (`unclaimed`). Root, timestamp and targets are left out, as there;
headers of HTTP too. Our client asks for gzip; others, python-tuf's among them, do not.

| client | PEP 458 | ours | others, plain |
|---|---:|---:|---:|
"""
    plain = overheads({name.removesuffix(" plain"): value for name, value in weights.items() if "plain" in name})
    for ours, theirs in zip(overheads(weights), plain, strict=True):
        text += f"| {ours.who} | {ours.estimated:,} bytes, {ours.estimated_percent:.0f} %"
        text += f" | {ours.fetched:,} bytes, {ours.percent:.1f} %"
        text += f" | {theirs.fetched:,} bytes, {theirs.percent:.1f} % |\n"
    left_out = weights["timestamp"] + weights["targets"]
    return text + f"\nWith timestamp and targets, a new client of ours fetches {left_out:,.0f} bytes more.\n"
