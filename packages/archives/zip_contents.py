"""A zip archive opened for one pass over its contents: framing checked first, then each member unpacked once. Pure."""

from collections.abc import Callable
from typing import IO

from packages.archives.bounded import Meter
from packages.archives.faults import Faults
from packages.archives.tree import Tree
from packages.archives.zip_directory import AGAIN, read_directory
from packages.archives.zip_members import ContentsError, PlacedMember, place_members, unpack


class ZipContents:
    """The members of a zip archive whose framing holds; their faults are noted as they are found.

    Raises UnreadableError where the framing does not hold, before anything is unpacked.
    """

    def __init__(self, file: IO[bytes], faults: Faults, meter: Meter) -> None:
        self._file, self._faults, self._meter = file, faults, meter
        directory = read_directory(file, faults, meter)
        self.tree = Tree(faults, folders_once=True)
        for member in directory.members:
            (self.tree.add_folder if member.is_folder else self.tree.add_file)(member.name)
        self.tree.finish()
        self.placed = place_members(file, directory, faults)

    def check(self, placed: PlacedMember, take: Callable[[bytes], object] = len) -> bool:
        """Unpack a member and hand the pieces on; False where it is not what its headers say, which is noted."""
        if not placed.member.can_be_unpacked:
            return False
        try:
            for piece in unpack(self._file, placed, self._meter):
                take(piece)
        except ContentsError as error:
            self._faults.member(placed.member.name, str(error), mend=AGAIN)
            return False
        return True

    def read(self, placed: PlacedMember, *, most: int) -> bytes | None:
        """The contents of a member of at most so many bytes; None where they are not to be had, which is noted."""
        if placed.member.size > most:
            self._faults.member(
                placed.member.name, f"is larger than {most} bytes, more than it needs", mend="shorten what it says"
            )
            return None
        pieces: list[bytes] = []
        return b"".join(pieces) if self.check(placed, pieces.append) else None
