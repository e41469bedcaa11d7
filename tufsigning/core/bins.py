"""The bins of a publication's `unclaimed`, and the targets of new bins out of those before. Pure."""

from collections.abc import Callable, Mapping
from functools import lru_cache

from indexsite_client.protocol import Bins, Json, bins_entry
from indexsite_client.protocol import read_bins as read_bins_of
from tufsigning.core.documents import read_signed

Targets = Mapping[str, Json]  # entries by target path
ReadTargets = Callable[[str], Targets]  # of a role, by its name, in the current publication


@lru_cache(maxsize=8)
def read_bins(unclaimed: bytes) -> Bins:
    """The bins that this document delegates to; remembered, for explicit ones make it 3 MB long."""
    return read_bins_of(read_signed(unclaimed))


@lru_cache(maxsize=8)
def read_bins_entry(unclaimed: bytes) -> Json:
    """With which keys, and how many of them, its bins are signed: `keyids` and `threshold`."""
    return bins_entry(read_signed(unclaimed))


class Rebinning:
    """The targets of new bins out of those of the old ones. Asked in the order of the new bins, it reads every old one
    once and holds no more than one of them, however many targets there are.
    """

    def __init__(self, before: Bins, after: Bins, read: ReadTargets) -> None:
        self._before, self._after, self._read = before, after, read
        self._split_of, self._split = "", dict[str, dict[str, Json]]()

    def targets(self, role: str) -> Targets:
        """Of one of the new bins, or of a role that is none."""
        if self._before.count == self._after.count or role not in self._after:
            return self._read(role)
        found: dict[str, Json] = {}
        for each in self._after.sources(role, self._before):
            found |= self._parts(each).get(role, {})
        return found

    def _parts(self, role: str) -> Mapping[str, dict[str, Json]]:
        """The targets of an old bin, by their new one."""
        if self._split_of != role:
            split: dict[str, dict[str, Json]] = {}
            for path, entry in self._read(role).items():
                split.setdefault(self._after.bin_of(path), {})[path] = entry
            self._split_of, self._split = role, split
        return self._split
