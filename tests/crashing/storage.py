"""The product's storage, with a place to crash before, in and after each of its durable verbs."""

import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from storage.contract import Source
from storage.filesystem import DurableFileSystemStorage
from tests.crashing import reached


class CrashingStorage(DurableFileSystemStorage):
    """Stops at `storage.<verb>:before`, `:half` and `:after`."""

    def write(self, files: Mapping[str, Source]) -> None:
        """Write the files, or crash before, with half of them written, or after."""
        reached("storage.write:before")
        names = list(files)
        super().write({name: files[name] for name in names[: len(names) // 2]})
        reached("storage.write:half")
        super().write({name: files[name] for name in names[len(names) // 2 :]})
        reached("storage.write:after")

    def replace(self, name: str, content: bytes, *, expected: bytes | None) -> None:
        """Replace the content, or crash before, with the new one only in a temporary file, or after."""
        reached("storage.replace:before")
        self._replacing = content
        super().replace(name, content, expected=expected)
        reached("storage.replace:after")

    def remove(self, names: Iterable[str], *, written_before: datetime) -> set[str]:
        """Remove the files, or crash with half of them removed and one taken aside."""
        wanted = list(names)
        gone = super().remove(wanted[: len(wanted) // 2], written_before=written_before)
        if os.environ.get("CRASH_AT") == "storage.remove:half" and len(wanted) > 1:
            path = Path(self.path(wanted[-1]))
            path.rename(path.with_name(f".doomed-{path.name}"))
        reached("storage.remove:half")
        return gone | super().remove(wanted[len(wanted) // 2 :], written_before=written_before)

    def _write_temporary(self, folder: Path, content: bytes) -> str:
        path = super()._write_temporary(folder, content)
        reached("storage.replace:half" if content is getattr(self, "_replacing", None) else "storage.write:temporary")
        return path
