"""The product's object storage, with a place to crash before, in and after each of its durable verbs."""

from collections.abc import Mapping

from storage.contract import Source
from storage.objects import DurableObjectStorage
from tests.crashing import reached


class CrashingObjectStorage(DurableObjectStorage):
    """Stops at `storage.<verb>:before`, `:half` and `:after`."""

    def write(self, files: Mapping[str, Source]) -> None:
        """Write the files, or crash before, with half of them written, or after."""
        reached("storage.write:before")
        names = list(files)
        if len(names) > 1:
            super().write({name: files[name] for name in names[: len(names) // 2]})
        reached("storage.write:half")
        super().write({name: files[name] for name in names[len(names) // 2 :]})
        reached("storage.write:after")

    def replace(self, name: str, content: bytes, *, expected: bytes | None) -> None:
        """Replace the content, or crash before or after."""
        reached("storage.replace:before")
        super().replace(name, content, expected=expected)
        reached("storage.replace:after")
