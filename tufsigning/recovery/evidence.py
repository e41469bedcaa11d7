"""Copies of what a thief may have left, beside the report: nothing of it is lost when the store is pruned later."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from indexsite_client.protocol import SHA256
from storage.contract import METADATA, TIMESTAMP, blob_name, document_name, read_bytes, the_storage
from tufsigning.core.publication import Current
from tufsigning.library import MAX_DOCUMENT, MAX_TIMESTAMP
from tufsigning.recovery.differences import Difference
from tufsigning.recovery.ground import read_shown

MOST_BYTES = 2 * 1024 * 1024 * 1024  # of files; what is beyond is named
_CHUNK = 1024 * 1024


class Keeper:
    """Keeps copies in a folder; `left_out` are those that would have been too much."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._kept = folder, 0
        self.left_out: list[str] = []
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def keep_files(self, differences: Iterable[Difference]) -> None:
        """The bytes that rows or clients have, and the copy has not."""
        for each in differences:
            for sha256 in {each.rows, each.shown} - {each.was, None}:
                if sha256 and SHA256.fullmatch(sha256):
                    self._keep_blob(sha256, each.path)

    def keep_documents(self, good: Current) -> None:
        """The timestamp, the snapshot and each document that clients are shown and that the copy has not."""
        timestamp = read_bytes(TIMESTAMP, limit=MAX_TIMESTAMP)
        if timestamp is not None:
            self._write("timestamp.json", timestamp)
        shown = read_shown().current
        if shown is None:
            return
        self._write("snapshot.json", shown.snapshot)
        for role in shown.entries.roles():
            version = shown.entries[role]["version"]
            known = good.entries.by_file.get(f"{role}.json", {}).get("version")
            content = read_bytes(document_name(role, version), limit=MAX_DOCUMENT) if version != known else None
            if content is not None:
                self._write(document_name(role, version).removeprefix(f"{METADATA}/"), content)

    def _keep_blob(self, sha256: str, path: str) -> None:
        name, target = blob_name(sha256), self._folder / sha256
        if target.exists() or not the_storage().exists(name):
            return
        size = the_storage().size(name)
        if self._kept + size > MOST_BYTES:
            self.left_out.append(path)
            return
        self._kept += size
        temporary = self._folder / f".{sha256}.new"
        with the_storage().open(name) as source, temporary.open("wb") as kept:
            shutil.copyfileobj(source, kept, _CHUNK)
        os.replace(temporary, target)

    def _write(self, name: str, content: bytes) -> None:
        (self._folder / name).write_bytes(content)
