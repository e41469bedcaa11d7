"""Copies of an index that lie elsewhere: a file of hashes, or the tree of a mirror, an export or a backup."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from indexsite_client.protocol import EXTENSION, SHA256, is_normalized_name
from tufsigning.audit.ledger import Ledger
from tufsigning.core.documents import JOURNAL, LOG, read_signed
from tufsigning.core.findings import Finding
from tufsigning.core.log import entry_of
from tufsigning.errors import TrustError
from tufsigning.library import MAX_DOCUMENT, MAX_TIMESTAMP

_DOCUMENTS = ("tuf/metadata", "metadata", "store/metadata")
_LONGEST_LINE = 1000


class ReferenceFaultyError(TrustError):
    """What was named is no copy of an index."""

    code = "reference-faulty"


@dataclass(frozen=True, slots=True)
class Head:
    """How many entries a chain had when the copy was made, and the hash of the last one."""

    entries: int
    sha256: str


@dataclass(slots=True)
class Reference:
    """A copy: the heads of its chains (None: it has none). Its hashes are in the ledger."""

    log: Head | None = None
    journal: Head | None = None


def write_hashes(out: IO[str], ledger: Ledger, *, log: Head | None, journal: Head | None) -> None:
    """Every document and target, sorted, in a form that `sha256sum --check` reads in a mirror's folder."""
    for name, head in (("log", log), ("journal", journal)):
        if head is not None:
            out.write(f"# {name} {head.entries} {head.sha256}\n")
    for name, sha256 in ledger.lines():
        out.write(f"{sha256}  tuf/{name}\n")


def read_reference(path: Path, ledger: Ledger) -> Iterator[Finding | Reference]:
    """What is wrong with the copy itself, and then the copy; raises ReferenceFaultyError."""
    if path.is_dir():
        yield from _read_tree(path, ledger)
    elif path.is_file():
        yield _read_hashes(path, ledger)
    else:
        raise ReferenceFaultyError(f"{path} is neither a folder nor a file; name a mirror, a backup or a hashes file.")


def _read_hashes(path: Path, ledger: Ledger) -> Reference:
    heads: dict[str, Head] = {}
    with path.open(encoding="utf-8", errors="replace") as lines:
        ledger.add("reference", _parsed(path, lines, heads))
    return Reference(heads.get("log"), heads.get("journal"))


def _parsed(path: Path, lines: IO[str], heads: dict[str, Head]) -> Iterator[tuple[str, str]]:
    number = 0
    while line := lines.readline(_LONGEST_LINE):
        number += 1
        words = line.split()
        if len(words) == 4 and words[0] == "#" and words[2].isdigit() and SHA256.fullmatch(words[3]):
            heads[words[1]] = Head(int(words[2]), words[3])
            continue
        name = words[1].removeprefix("tuf/") if len(words) == 2 else ""
        project, _, hashed = name.removeprefix("targets/").partition("/")
        if not SHA256.fullmatch(words[0] if words else "") or not hashed:
            raise ReferenceFaultyError(f"Line {number} of {path} is none that tuf_audit --hashes-out writes.")
        is_target = name.startswith("targets/")
        yield (f"{project}/{hashed.removeprefix(f'{words[0]}.')}" if is_target else name), words[0]


def _read_tree(folder: Path, ledger: Ledger) -> Iterator[Finding | Reference]:
    """By its own metadata, from its timestamp down. Signatures are not its point: its bytes are compared with ours."""
    timestamp = read_bounded(timestamp_path(folder), MAX_TIMESTAMP)
    pointer = read_signed(timestamp)["meta"]["snapshot.json"]
    snapshot = read_signed(read_tree_document(folder, f"{pointer['version']}.snapshot.json"))
    ledger.add("reference", [("metadata/timestamp.json", _sha256(timestamp))])
    names = [f"{pointer['version']}.snapshot.json"]
    names += [f"{entry['version']}.{file}" for file, entry in snapshot["meta"].items()]
    names += sorted(path.name for path in documents_folder(folder).glob("*.root.json"))
    for name in names:
        content = read_tree_document(folder, name)
        ledger.add("reference", [(f"metadata/{name}", _sha256(content))])
        yield from _read_targets(folder, ledger, name, content)
    said = snapshot[EXTENSION]
    entry = entry_of(timestamp, place=said.get(LOG), journal=said.get(JOURNAL))
    journal = Head(**said[JOURNAL]) if said.get(JOURNAL) else None
    yield Reference(Head(entry.number, entry.sha256) if entry else None, journal)


def _read_targets(folder: Path, ledger: Ledger, name: str, content: bytes) -> Iterator[Finding]:
    targets = read_signed(content).get("targets", {})
    for path, entry in targets.items():
        project, _, filename = path.partition("/")
        sha256 = entry["hashes"]["sha256"]
        if not is_normalized_name(project) or "/" in filename or not SHA256.fullmatch(sha256):
            raise ReferenceFaultyError(f"{name} in {folder} lists {path[:80]!r}, which no index of ours does.")
        ledger.add("reference", [(path, sha256)])
        file = find_target(folder, project, filename, sha256)
        if file is None:
            yield Finding("reference-damaged", path, "The copy does not have the file.")
        elif sha256_of(file) != sha256:
            yield Finding("reference-damaged", path, f"{file} is not what the copy's own metadata say.")


def timestamp_path(folder: Path) -> Path:
    """Beside the documents; in a backup, in its newest generation."""
    manifest = folder / "manifest.json"
    if not manifest.exists():
        return documents_folder(folder) / "timestamp.json"
    generation = str(json.loads(read_bounded(manifest, MAX_DOCUMENT))["generation"])
    if "/" in generation or generation.startswith("."):
        raise ReferenceFaultyError(f"{manifest} names no folder of its own.")
    return folder / generation / "timestamp.json"


def documents_folder(folder: Path) -> Path:
    """Where the documents of a mirror, an export or a backup lie; raises ReferenceFaultyError."""
    found = next((folder / each for each in _DOCUMENTS if (folder / each).is_dir()), None)
    if found is None:
        raise ReferenceFaultyError(f"{folder} has no tuf/metadata: it is no mirror, export or backup of an index.")
    return found


def read_tree_document(folder: Path, name: str) -> bytes:
    """A document of a tree, by its file name; raises ReferenceFaultyError."""
    if "/" in name:
        raise ReferenceFaultyError(f"The metadata in {folder} name {name[:80]!r}, which is no document.")
    return read_bounded(documents_folder(folder) / name, MAX_DOCUMENT)


def find_target(folder: Path, project: str, filename: str, sha256: str) -> Path | None:
    """Where a tree has the bytes of a target, None where it has not."""
    places = (
        f"tuf/targets/{project}/{sha256}.{filename}",
        f"targets/{project}/{sha256}.{filename}",
        f"files/{sha256}/{filename}",
        f"store/blobs/{sha256[:2]}/{sha256}",
    )
    return next((folder / place for place in places if (folder / place).is_file()), None)


def read_bounded(path: Path, limit: int) -> bytes:
    """A file of at most so many bytes; raises ReferenceFaultyError."""
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise ReferenceFaultyError(f"{path} cannot be read ({error.strerror}): the copy is not whole.") from error
    if len(content) > limit:
        raise ReferenceFaultyError(f"{path} is longer than any that an index writes.")
    return content


def sha256_of(path: Path) -> str:
    """Of a file's bytes, which are not held in memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
