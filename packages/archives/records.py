"""RECORD, the list of a wheel's files (binary distribution format): complete, right in hashes and sizes. Pure."""

import csv
import hashlib
import io
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from packages.archives.bounded import MAX_MEMBERS, BoundExceededError
from packages.archives.faults import Faults, shown

MAX_RECORD = 16 * 1024 * 1024
ALGORITHMS = {  # SHA-256 or better, says the specification
    "sha256": hashlib.sha256,
    "sha384": hashlib.sha384,
    "sha512": hashlib.sha512,
}
_MEND = "build the wheel again, or 'wheel unpack' and 'wheel pack' it after changing files"


class Hasher(Protocol):
    """What hashlib gives."""

    def update(self, data: bytes, /) -> None: ...
    def digest(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class RecordLine:
    """What RECORD says of a file; all empty for RECORD itself."""

    algorithm: str
    digest: str
    size: str

    def new_hasher(self) -> Hasher:
        """The hash to compute of the file; SHA-256 where the line names none that counts."""
        return ALGORITHMS.get(self.algorithm, hashlib.sha256)()


class Record:
    """RECORD's lines. What is found to be wrong with them is noted; lines that nobody took are missing files."""

    def __init__(self, info: str, content: bytes, faults: Faults) -> None:
        self._faults = faults
        self._own = f"{info}/RECORD"
        self._exempt = {self._own, f"{info}/RECORD.jws", f"{info}/RECORD.p7s"}  # signatures are made after it
        self._lines: dict[str, RecordLine] = {}
        for row in _rows(content, self._own, faults):
            self._add(row)

    def take_line(self, name: str) -> RecordLine | None:
        """The line of a file that the archive holds; None where it needs none, or has none, which is noted."""
        line = self._lines.pop(name, None)
        if name in self._exempt:
            if line is not None and name == self._own and (line.digest or line.size):
                self._faults.member(name, "gives a hash or size of itself, which cannot be right", mend=_MEND)
            return None
        if line is None:
            self._faults.member(name, "is not listed in RECORD", mend=_MEND)
        return line

    def compare(self, name: str, line: RecordLine, *, digest: bytes, size: int) -> None:
        """Compare the line with what was computed."""
        if line.algorithm not in ALGORITHMS:
            known = ", ".join(ALGORITHMS)
            named = shown(line.algorithm) if line.algorithm else "none"
            self._faults.member(name, f"needs a hash in RECORD of {known}, but has {named}", mend=_MEND)
        elif line.digest != urlsafe_b64encode(digest).rstrip(b"=").decode("ascii"):
            self._faults.member(name, f"has another {line.algorithm} than RECORD says", mend=_MEND)
        if line.size and line.size != str(size):
            self._faults.member(name, f"has {size} bytes, but RECORD says {shown(line.size)}", mend=_MEND)

    def finish(self) -> None:
        """Note the lines that are of no file in the archive."""
        for name in sorted(self._lines.keys() - self._exempt):
            self._faults.member(name, "is listed in RECORD but not in the wheel", mend=_MEND)

    def _add(self, row: list[str]) -> None:
        name, hashed, size = row
        if len(self._lines) > MAX_MEMBERS:
            raise BoundExceededError(f"its RECORD has more than {MAX_MEMBERS} lines")
        if name in self._lines:
            self._faults.member(name, "is listed twice in RECORD", mend=_MEND)
        algorithm, _, digest = hashed.partition("=")
        self._lines[name] = RecordLine(algorithm, digest, size)


def _rows(content: bytes, own: str, faults: Faults) -> Iterator[list[str]]:
    """The rows of three fields; what is no such row is noted."""
    try:
        for row in csv.reader(io.TextIOWrapper(io.BytesIO(content), "utf-8", newline="")):
            if len(row) == 3:
                yield row
            elif row:
                faults.member(own, f"has a line of {len(row)} fields, not of path, hash and size", mend=_MEND)
    except (UnicodeDecodeError, csv.Error):
        faults.member(own, "is not comma-separated UTF-8", mend=_MEND)
