"""The entries of a snapshot. What did not change since the last one is neither parsed nor serialised again."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from indexsite_client.protocol import Json
from tufsigning.core.canonical import canonical_bytes, read_object

_ENDING = ".json"


@dataclass(frozen=True, slots=True)
class SnapshotEntries:
    """A snapshot's `meta`: each entry by its file name, and in canonical form and order."""

    by_file: Mapping[str, Json]
    _lines: Mapping[str, bytes]

    @classmethod
    def of(cls, by_role: Mapping[str, Json]) -> "SnapshotEntries":
        """These entries, given by role."""
        return NO_ENTRIES.updated(by_role)

    @classmethod
    def read(cls, snapshot: bytes) -> "SnapshotEntries":
        """The entries of a signed snapshot."""
        meta: Mapping[str, Json] = read_object(snapshot)["signed"]["meta"]
        return cls.of({file.removesuffix(_ENDING): entry for file, entry in meta.items()})

    def __getitem__(self, role: str) -> Json:
        return self.by_file[f"{role}{_ENDING}"]

    def roles(self) -> Iterator[str]:
        """The names of all roles."""
        return (file.removesuffix(_ENDING) for file in self.by_file)

    def updated(self, by_role: Mapping[str, Json]) -> "SnapshotEntries":
        """These entries with some set anew. None is ever taken away."""
        changed = {f"{role}{_ENDING}": entry for role, entry in by_role.items()}
        lines = {**self._lines, **{file: canonical_bytes({file: entry})[1:-1] for file, entry in changed.items()}}
        if len(lines) > len(self._lines):
            lines = dict(sorted(lines.items()))
        return SnapshotEntries({**self.by_file, **changed}, lines)

    def canonical(self) -> bytes:
        """All of them as canonical JSON."""
        return b"{" + b",".join(self._lines.values()) + b"}"


NO_ENTRIES = SnapshotEntries(MappingProxyType({}), MappingProxyType({}))
