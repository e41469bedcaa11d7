"""How time, processor time and memory are taken; what metadata weighs beside PEP 458's table 3."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

Figures = dict[str, float]
AVERAGE_FILE = 2_184_393  # bytes of a downloaded distribution, C9 of PEP 458's table 2


@dataclass(frozen=True, slots=True)
class Overhead:
    """A row of table 3: what somebody fetches for one distribution, as the PEP estimates it, and as it was answered."""

    who: str
    estimated: int
    fetched: int

    @property
    def percent(self) -> float:
        """Of the distribution that it is fetched for."""
        return 100 * self.fetched / AVERAGE_FILE

    @property
    def estimated_percent(self) -> float:
        return 100 * self.estimated / AVERAGE_FILE


def overheads(weights: Mapping[str, float]) -> tuple[Overhead, ...]:
    """The three rows, by the PEP's own formulas: V12 is two bins, V14 a snapshot more, V16 the role above the bins too.

    `weights` are bytes as answered: `bin` (the mean), `snapshot`, `unclaimed`.
    """
    same = round(2 * weights["bin"])
    other = same + round(weights["snapshot"])
    return (
        Overhead("returning, same snapshot", 108_698, same),
        Overhead("returning, another snapshot", 207_002, other),
        Overhead("new", 1_517_722, other + round(weights["unclaimed"])),
    )


def taken(act: Callable[[], object]) -> Figures:
    """Seconds, and seconds of processor time of this process."""
    began, spent = time.perf_counter(), time.process_time()
    act()
    return {"seconds": time.perf_counter() - began, "processor": time.process_time() - spent}


def peak_mib(process: int | str) -> float:
    """The most memory that a process ever held since it was executed, in MiB; 0 where the system does not tell."""
    path = Path(f"/proc/{process}/status")
    lines = dict(line.split(":", 1) for line in path.read_text().splitlines()) if path.exists() else {}
    return int(lines.get("VmHWM", "0 kB").split()[0]) / 1024


def signatures_per_second(seconds: float = 0.5) -> float:
    """Bare Ed25519 over 200 bytes, by the clock: how busy, or how quick, the machine is at this moment."""
    key, done, began = Ed25519PrivateKey.generate(), 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        for _ in range(50):
            key.sign(b"x" * 200)
        done += 50
    return done / (time.perf_counter() - began)
