"""The bounds within which hostile archives are read: a meter of what was unpacked, by total and by ratio. Pure."""

from dataclasses import dataclass

CHUNK = 64 * 1024
MAX_UNPACKED = 2 * 1024**3
MAX_MEMBERS = 65_535  # as many as a zip archive holds without ZIP64
MAX_NAMES = 12 * 1024 * 1024  # bytes of all names together; of a zip archive, of its whole directory
MAX_METADATA = 4 * 1024 * 1024
MAX_RATIO = 50
RATIO_FREE = 64 * 1024 * 1024  # bytes below which the ratio does not matter: much of little is little


class UnreadableError(Exception):
    """The archive cannot be followed any further; the message says why, as the end of a sentence."""


class BoundExceededError(UnreadableError):
    """The archive asks for more than a reader will give; the message says of what."""


@dataclass(slots=True)
class Meter:
    """Counts what reading one archive of `packed` bytes has cost, and stops it; the counts are the work done."""

    packed: int
    max_unpacked: int = MAX_UNPACKED
    unpacked: int = 0
    members: int = 0

    def unpack(self, size: int) -> None:
        """Count bytes that were unpacked; raises BoundExceededError beyond the bounds."""
        self.unpacked += size
        self.check(self.unpacked)

    def meet_member(self) -> None:
        """Count a member; raises BoundExceededError beyond the bound."""
        self.members += 1
        if self.members > MAX_MEMBERS:
            raise BoundExceededError(f"it has more than {MAX_MEMBERS} members; split the distribution")

    def check(self, total: int) -> None:
        """Raise BoundExceededError where an archive that unpacks to `total` bytes goes beyond the bounds."""
        if total > self.max_unpacked:
            raise BoundExceededError(
                f"it holds more than {self.max_unpacked} bytes, the most that is unpacked; leave large data out"
            )
        if total > RATIO_FREE and total > self.packed * MAX_RATIO:
            raise BoundExceededError(
                f"it unpacks to more than {MAX_RATIO} times its own size, as bombs do; leave repetitive data out"
            )
