"""Where the benchmarks keep things: the checkout, the reused work folder and the results."""

from pathlib import Path

BENCH = Path(__file__).resolve().parent
CHECKOUT = BENCH.parent
WORK = BENCH / ".work"
LOGS = WORK / "logs"
RESULTS = BENCH / "results"
