"""Bringing a tree up to the current publication: only what differs from the one before, timestamp.json last (ADR 22).

The tree's own timestamp.json says what is complete: whatever it reaches was there before it was. So a run that is
killed leaves the tree of before, with some of the next one beside it, and the next run goes on from there.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Signature, Targets

from indexsite_client.protocol import (
    EXTENSION,
    INDEX_PAGE,
    ROOT,
    SNAPSHOT,
    TARGETS,
    UNCLAIMED,
    Bins,
    Json,
    PageFile,
    ProjectPage,
    ProtocolError,
    page_html,
    project_list_bytes,
    project_list_html,
    provenance_link,
    read_page,
)
from storage.contract import blob_name, document_name, read_bytes
from tufsigning.core.bins import read_bins
from tufsigning.core.documents import read_signed, split_document
from tufsigning.core.publication import Current, is_bin
from tufsigning.core.snapshots import SnapshotEntries
from tufsigning.errors import StoreDamagedError
from tufsigning.export.tree import ExportRefusedError, Tree
from tufsigning.library import MAX_DOCUMENT, MAX_PAGE, Library, read_document

_METADATA, _TIMESTAMP, _LIST = "tuf/metadata", "tuf/metadata/timestamp.json", "simple/index.json"


@dataclass(frozen=True, slots=True)
class Exported:
    """What a run did: the publication that the tree shows now, and how many files were written for it."""

    publication: int
    files: int


@dataclass(frozen=True, slots=True)
class _Complete:
    """The publication that the tree shows already."""

    number: int
    entries: SnapshotEntries
    bins: Bins
    projects: frozenset[str]


@dataclass(slots=True)
class _Projects:
    """Projects whose page went from a role, and those whose page came to one."""

    gone: set[str] = field(default_factory=set)
    come: set[str] = field(default_factory=set)


def export(tree: Tree, library: Library, *, everything: bool = False) -> Exported:
    """Bring the tree up to the current publication; `everything`: look for each file, not only for what changed.

    Removes nothing but the simple pages of projects that the index has no more. Raises ExportRefusedError, or
    StoreDamagedError where a byte is not what was signed; the tree then still shows what it did.
    """
    current = library.current()
    with tree.locked():
        before = _complete(tree, current)
        run = _Run(tree, current, None if everything else before)
        projects = run.export_roles()
        names = (before.projects if before else frozenset()) - projects.gone | projects.come
        number = read_signed(current.snapshot)["version"]
        listed = sorted(names if before and not everything else projects.come)
        tree.flush()
        tree.put_page("simple/index.html", project_list_html(listed))
        tree.put_page(_LIST, project_list_bytes(listed, serial=number))
        tree.put(_document(SNAPSHOT, number), current.snapshot, twins=True)
        tree.flush()
        stale = (before.projects if before else frozenset()) - set(listed)
        for name in stale:
            for form in ("html", "json"):
                tree.remove(f"simple/{name}/index.{form}")
        if tree.read(_TIMESTAMP) != current.timestamp:
            tree.replace(_TIMESTAMP, current.timestamp)
    return Exported(number, tree.written)


def _complete(tree: Tree, current: Current) -> _Complete | None:
    """What the tree shows, None where it has to be looked at from its beginning."""
    timestamp = tree.read(_TIMESTAMP)
    if timestamp is None:
        return None
    signed = read_signed(timestamp)
    if signed[EXTENSION]["index"] != current.index_id:
        raise ExportRefusedError(f"{tree.folder} holds an export of another index; choose another folder.")
    if signed["version"] > read_signed(current.timestamp)["version"]:
        raise ExportRefusedError(f"{tree.folder} shows a newer publication than this index has; choose another folder.")
    number = signed["meta"]["snapshot.json"]["version"]
    snapshot, listed = tree.read(_document(SNAPSHOT, number)), tree.read(_LIST)
    if snapshot is None or listed is None:
        return None
    entries = SnapshotEntries.read(snapshot)
    unclaimed = tree.read(_document(UNCLAIMED, entries[UNCLAIMED]["version"]))
    if unclaimed is None:
        return None
    projects = frozenset(project["name"] for project in json.loads(listed)["projects"])
    return _Complete(number, entries, read_bins(unclaimed), projects)


@dataclass(frozen=True, slots=True)
class _Run:
    """One run over the roles of a publication; `before` is what needs no look."""

    tree: Tree
    current: Current
    before: _Complete | None

    def export_roles(self) -> _Projects:
        """Each role that is new: its targets, then its document. One role is in memory at a time."""
        projects = _Projects()
        for version in range(1, self.current.root_version + 1):  # of the chains before, too: they stay where they were
            root = read_bytes(document_name(ROOT, version), limit=MAX_DOCUMENT)
            if root is None:
                raise StoreDamagedError(document_name(ROOT, version), "is missing")
            self.tree.put(_document(ROOT, version), root, twins=True)
        unclaimed = Metadata[Targets].from_bytes(self.current.upper[UNCLAIMED]).signed
        for role in self.current.roles():
            entry = self.current.entries[role]
            known = self._known_version(role)
            if known == entry["version"]:
                continue
            content = read_document(role, entry)
            if is_bin(role):
                _check_signed(unclaimed, role, content)
            self._export_targets(read_signed(content)[TARGETS], self._known_targets(role, known), projects)
            self.tree.put(_document(role, entry["version"]), content, twins=True)
        return projects

    def _known_version(self, role: str) -> int:
        if self.before is None or f"{role}.json" not in self.before.entries.by_file:
            return 0
        if self.before.bins.has_retired(role):
            return 0  # what it lists may have been removed since
        return int(self.before.entries[role]["version"])

    def _known_targets(self, role: str, version: int) -> Mapping[str, Json]:
        content = self.tree.read(_document(role, version)) if version else None
        return read_signed(content)[TARGETS] if content is not None else {}

    def _export_targets(self, targets: Mapping[str, Json], known: Mapping[str, Json], projects: _Projects) -> None:
        for path, entry in targets.items():
            project, _, name = path.partition("/")
            if name == INDEX_PAGE:
                projects.come.add(project)
            if known.get(path) == entry:
                continue
            sha256 = entry["hashes"]["sha256"]
            if name == INDEX_PAGE:
                self._export_page(project, sha256)
            else:
                self._export_file(project, name, sha256, entry["length"])
        gone = known.keys() - targets.keys()
        projects.gone.update(path.removesuffix(f"/{INDEX_PAGE}") for path in gone if path.endswith(f"/{INDEX_PAGE}"))

    def _export_file(self, project: str, filename: str, sha256: str, size: int) -> None:
        self.tree.take((f"files/{sha256}/{filename}", f"tuf/targets/{project}/{sha256}.{filename}"), sha256, size=size)

    def _export_page(self, project: str, sha256: str) -> None:
        """A page in both forms, after whatever it names: its files may be in roles that come later."""
        content, page = _read_page(sha256)
        for file in page.files:
            self._export_file(project, file.filename, file.sha256, file.size)
            self._export_beside(file)
        self.tree.put(f"tuf/targets/{project}/{sha256}.{INDEX_PAGE}", content)
        self.tree.put_page(f"simple/{project}/index.html", page_html(page))
        self.tree.put_page(f"simple/{project}/{INDEX_PAGE}", content)

    def _export_beside(self, file: PageFile) -> None:
        """Metadata (PEP 658) and provenance (PEP 740), by the hashes that the page has of them."""
        if file.metadata_sha256:
            self.tree.take((f"files/{file.sha256}/{file.filename}.metadata",), file.metadata_sha256)
        if file.provenance_sha256:
            address = unquote(provenance_link(file).partition("#")[0]).removeprefix("../../")
            self.tree.take((address,), file.provenance_sha256)


def _document(role: str, version: int) -> str:
    return f"{_METADATA}/{version}.{role}.json"


def _check_signed(unclaimed: Targets, role: str, content: bytes) -> None:
    """A bin has no hash in the snapshot: its signature is what its bytes are checked against."""
    try:
        signatures, payload = split_document(content)
        read = [Signature.from_dict(each) for each in signatures]
        unclaimed.verify_delegate(role, payload, {each.keyid: each for each in read})
    except (RepositoryError, ValueError, KeyError) as error:
        raise StoreDamagedError(role, "is not what was signed") from error


def _read_page(sha256: str) -> tuple[bytes, ProjectPage]:
    name = blob_name(sha256)
    content = read_bytes(name, limit=MAX_PAGE)
    if content is None or hashlib.sha256(content).hexdigest() != sha256:
        raise StoreDamagedError(name, "is missing or not what was signed")
    try:
        return content, read_page(content)
    except ProtocolError as error:
        raise StoreDamagedError(name, "is no project page") from error
