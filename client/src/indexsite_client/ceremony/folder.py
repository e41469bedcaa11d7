"""The folder of a ceremony: plainly named JSON files, read as a whole, bounded, and written file by file."""

import re
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from indexsite_client.ceremony.documents import MAX_LENGTH, Document, read_document
from indexsite_client.ceremony.errors import CeremonyError, CeremonyFolderError
from indexsite_client.ceremony.keys import KeyRecord, check_distinct, names_of, read_record
from indexsite_client.ceremony.plan import Plan, read_plan
from indexsite_client.protocol import OFFLINE_ROLES, ROOT
from indexsite_client.trusted import write_atomically

PLAN, KEYS, METADATA, DRAFTS = "ceremony.json", "keys", "metadata", "drafts"
MOST_FILES = 2000
_DOCUMENT = re.compile(rf"[1-9][0-9]{{0,17}}\.({'|'.join(OFFLINE_ROLES)})\.json")
_RECORD = re.compile(r"[a-z0-9][a-z0-9.-]{0,39}\.json")


@dataclass(frozen=True, slots=True)
class Ceremony:
    """All that a folder says. `published` has every version of each role, oldest first."""

    plan: Plan
    records: Mapping[str, KeyRecord]
    published: Mapping[str, tuple[Document, ...]]
    drafts: Mapping[str, Document]
    names: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", names_of(self.records.values()))

    def newest(self, role: str) -> Document | None:
        """The newest version of a role that reached its threshold."""
        documents = self.published.get(role, ())
        return documents[-1] if documents else None

    def current(self, role: str) -> Document | None:
        """What will be in force once the drafts are signed."""
        return self.drafts.get(role) or self.newest(role)

    def root_before(self) -> Document | None:
        """The root whose keys must sign the drafted one too; None where it begins a chain."""
        before = self.newest(ROOT)
        return before if before and not before.is_development else None

    def name(self, keyid: str) -> str:
        """Whose key it is, for people."""
        return f"{self.names.get(keyid, 'a key of nobody here')} {keyid[:8]}"


class Folder:
    """Where a ceremony lies."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def exists(self) -> bool:
        """Whether a ceremony was begun here."""
        return (self.path / PLAN).is_file()

    def load(self) -> Ceremony:
        """Read and check everything; raises CeremonyError."""
        if not self.exists():
            raise CeremonyFolderError(
                f"There is no ceremony in {self.path}; begin one with `indexsite ceremony init {self.path}`."
            )
        plan = read_plan(_read(self.path / PLAN))
        records = {record.holder: record for record in self._records()}
        check_distinct(records.values())
        published = self._documents(METADATA)
        drafts = {document.role: document for document in self._documents_in(DRAFTS)}
        ceremony = Ceremony(plan, records, published, drafts)
        for document in [*drafts.values(), *(each for documents in published.values() for each in documents)]:
            if document.index_id != plan.index_id:
                raise CeremonyFolderError(f"{document.filename} belongs to another index; take it out of the folder.")
        for document in drafts.values():
            newest = ceremony.newest(document.role)
            if document.version != (newest.version if newest else 0) + 1:
                raise CeremonyFolderError(
                    f"{DRAFTS}/{document.filename} does not follow the newest version of {document.role}; draft anew."
                )
        return ceremony

    def published(self) -> Mapping[str, tuple[Document, ...]]:
        """What is published of each role, also where no ceremony was begun yet."""
        return self._documents(METADATA)

    def write_plan(self, plan: Plan) -> None:
        _write(self.path / PLAN, plan.write())

    def write_record(self, record: KeyRecord) -> None:
        _write(self.path / KEYS / f"{record.holder}.json", record.write())

    def write_draft(self, document: Document) -> None:
        _write(self.path / DRAFTS / document.filename, document.content)

    def drop_draft(self, document: Document) -> None:
        (self.path / DRAFTS / document.filename).unlink(missing_ok=True)

    def publish(self, document: Document) -> None:
        """Make a draft a document: written first, so that a crash leaves both, never none."""
        _write(self.path / METADATA / document.filename, document.content)
        self.drop_draft(document)

    def files(self) -> dict[str, bytes]:
        """Every file of the ceremony, by its path in the folder."""
        names = [PLAN, *(f"{folder}/{path.name}" for folder in (KEYS, METADATA, DRAFTS) for path in self._list(folder))]
        return {name: _read(self.path / name) for name in names}

    def _records(self) -> Iterable[KeyRecord]:
        for path in self._list(KEYS):
            try:
                record = read_record(_read(path))
            except CeremonyError as error:
                raise type(error)(f"{KEYS}/{path.name}: {error}") from error
            if path.name != f"{record.holder}.json":
                raise CeremonyFolderError(f"{KEYS}/{path.name} is the key of {record.holder[:40]!r}.")
            yield record

    def _documents(self, folder: str) -> dict[str, tuple[Document, ...]]:
        found: dict[str, list[Document]] = {}
        for document in sorted(self._documents_in(folder), key=lambda each: each.version):
            found.setdefault(document.role, []).append(document)
        return {role: tuple(documents) for role, documents in found.items()}

    def _documents_in(self, folder: str) -> list[Document]:
        read = [read_document(_read(path), name=path.name) for path in self._list(folder)]
        if folder == METADATA:
            return read
        read = [each for each in read if not (self.path / METADATA / each.filename).exists()]  # of a crash in `publish`
        if len({each.role for each in read}) != len(read):
            raise CeremonyFolderError("Two versions of one role are drafted; take one out of drafts/.")
        return read

    def _list(self, folder: str) -> list[Path]:
        """The files of a subfolder that are ours by name, of which there is a bounded number."""
        pattern = _RECORD if folder == KEYS else _DOCUMENT
        place = self.path / folder
        paths = [path for path in sorted(place.iterdir()) if pattern.fullmatch(path.name)] if place.is_dir() else []
        if len(paths) > MOST_FILES:
            raise CeremonyFolderError(f"{folder}/ has more than {MOST_FILES} files; this is no folder of a ceremony.")
        return paths


def _read(path: Path) -> bytes:
    """A regular file of bounded size: the folder may come from somebody else's stick."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise CeremonyFolderError(f"{path} is no regular file.")
        with open(path, "rb") as file:
            data = file.read(MAX_LENGTH + 1)
    except OSError as error:
        raise CeremonyFolderError(f"{path} cannot be read: {error.strerror}.") from error
    if len(data) > MAX_LENGTH:
        raise CeremonyFolderError(f"{path} is longer than any file of a ceremony.")
    return data


def _write(path: Path, data: bytes) -> None:
    write_atomically(path, data)
    path.chmod(0o644)  # nothing in the folder is secret
