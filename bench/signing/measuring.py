"""The signing benchmark: one process for each number of bins, each over a data folder of its own."""

import json
import sys
import tempfile

from bench.errors import BenchError
from bench.figures import Figure, Findings, say
from bench.names import SIGNING
from bench.places import CHECKOUT
from bench.processes import run_command

# bins: targets in all. A million at the largest number, and as many in each bin below.
SIZES = {256: 15_625, 2_048: 125_000, 16_384: 1_000_000}
RENEWED = (256, 2_048)
PUBLICATIONS = 25
SECONDS = 600


def measure_signing(findings: Findings, *, publications: int = PUBLICATIONS) -> None:
    """Add what each process measured; a failure of one is noted and ends nothing else."""
    for bins, targets in SIZES.items():
        say(f"signing: {targets:,} targets in {bins:,} bins")
        with tempfile.TemporaryDirectory(prefix="bench-signing-") as folder:
            command = (sys.executable, "-m", "bench.signing.inside", "--targets", str(targets))
            options = ("--publications", str(publications), *(("--renew",) if bins in RENEWED else ()))
            environment = {
                "INDEXSITE_DATA": folder,
                "INDEXSITE_BINS": str(bins),
                "DJANGO_SETTINGS_MODULE": "indexsite.settings",
                "PYTHONPATH": str(CHECKOUT),
            }
            try:
                printed = run_command(f"signing at {bins} bins", (*command, *options), environment, seconds=SECONDS)
                findings.extend(_read(printed))
            except (BenchError, ValueError, KeyError, IndexError) as error:
                findings.note_failure(f"signing at {bins} bins", error)


def _read(printed: str) -> list[Figure]:
    """The figures in the last line that the process printed."""
    return [
        Figure(SIGNING, each["case"], each["who"], each["unit"], tuple(each["samples"]))
        for each in json.loads(printed.splitlines()[-1])
    ]
