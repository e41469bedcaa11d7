"""What publications reach: the documents by role and version, and the blobs by their hash, in little memory."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable

from indexsite_client.protocol import ROOT

_KEY = 8  # bytes of a SHA-256 that are remembered: what is alike in them is kept though nothing reaches it


class Digests:
    """A set of SHA-256 hashes in hexadecimal, in eight bytes each. Many are added first; a few may come later.

    A hash that was added is always found. One that was not is found once in 2**64 divided by how many were.
    """

    def __init__(self) -> None:
        self._keys = [array("Q") for _ in range(256)]
        self._later: set[int] | None = None  # what came after they were sorted

    def add(self, digests: Iterable[str]) -> None:
        """Add these; raises ValueError for what is no hash."""
        for digest in digests:
            raw = bytes.fromhex(digest)
            key = int.from_bytes(raw[:_KEY], "big")
            if self._later is None:
                self._keys[raw[0]].append(key)
            else:
                self._later.add(key)

    def __contains__(self, digest: str) -> bool:
        if self._later is None:
            self._keys = [array("Q", sorted(set(keys))) for keys in self._keys]
            self._later = set()
        raw = bytes.fromhex(digest)
        keys, key = self._keys[raw[0]], int.from_bytes(raw[:_KEY], "big")
        place = bisect_left(keys, key)
        return (place < len(keys) and keys[place] == key) or key in self._later


class Reach:
    """The documents and blobs that one or several publications reach. Every root belongs to it."""

    def __init__(self) -> None:
        self._versions: dict[str, set[int]] = {}
        self._newest: dict[str, int] = {}
        self.blobs = Digests()

    def add_document(self, role: str, version: int) -> bool:
        """A version that a publication reaches; False where it was known already."""
        versions = self._versions.setdefault(role, set())
        if version in versions:
            return False
        versions.add(version)
        self._newest[role] = max(self._newest.get(role, 0), version)
        return True

    def retire(self, role: str, version: int) -> None:
        """A role of which no version is reached any more; `version` was its last."""
        self._versions.setdefault(role, set())
        self._newest[role] = max(self._newest.get(role, 0), version)

    def has_document(self, role: str, version: int) -> bool:
        """Whether this version is kept: it is reached, or newer than any that is, or of a role that nothing knows."""
        if role == ROOT or role not in self._versions:
            return True
        return version in self._versions[role] or version > self._newest[role]
