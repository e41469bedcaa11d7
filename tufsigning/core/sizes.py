"""What the bins cost whoever installs, and which number of them would cost less. Pure.

More bins make a longer snapshot, which each client fetches after each publication; fewer make longer bins, of which it
fetches one for each target.
"""

from dataclasses import dataclass
from math import ceil

from indexsite_client.protocol import FEWEST_BINS, MOST_BINS, Json, canonical_json
from tufsigning.core.publication import Current

INSTALL = 40  # targets of an install that the costs are of: a page and a file of twenty projects
WORTH, NOTICED = 2, 1_000_000  # another number is recommended if it makes of more than so many bytes half or less
_HEADER = 400  # bytes of a bin without targets


@dataclass(frozen=True, slots=True)
class BinSizes:
    """Sizes in bytes: of the largest bin, of all bins together, and of a bin's entry in the snapshot."""

    count: int
    largest: str
    largest_size: int
    total: int
    entry: int

    def fetched(self, count: int) -> int:
        """Bytes of snapshot and bins that a client fetches for an install, with so many bins. As they are: our client
        takes them compressed.
        """
        targets = max(self.total - self.count * _HEADER, 0)
        return count * self.entry + min(INSTALL, count) * (_HEADER + ceil(targets / count))

    @property
    def recommended(self) -> int | None:
        """Another number of bins that is worth a change, None where none is."""
        numbers = [1 << bits for bits in range(FEWEST_BINS.bit_length() - 1, MOST_BINS.bit_length())]
        best, now = min(numbers, key=self.fetched), self.fetched(self.count)
        return best if now > NOTICED and self.fetched(best) * WORTH <= now else None


def measure_bins(current: Current) -> BinSizes:
    """By what the snapshot says: no bin is read."""
    names = current.bins.names()
    lengths: dict[str, int] = {name: current.entries[name]["length"] for name in names}
    largest = max(names, key=lengths.__getitem__)
    entries: Json = {f"{largest}.json": current.entries[largest]}
    entry = len(canonical_json(entries)) - len("{}") + len(",")
    return BinSizes(len(names), largest, lengths[largest], sum(lengths.values()), entry)
