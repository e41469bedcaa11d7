"""`indexsite mirror`: one run, from the index's roots to the replacement of the mirror's timestamp.

The order is the promise: documents and files first, each under a name that no client of the mirror reaches yet; then
the pages that installers read; timestamp.json last. Whenever a run breaks, clients go on with the state before, and the
next run finds what is there already.
"""

import os
from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from indexsite_client import protocol
from indexsite_client.errors import (
    AddressRefusedError,
    ClientError,
    DocumentGoneError,
    MirrorFolderError,
    ProjectNotFoundError,
    VerificationError,
)
from indexsite_client.fetcher import Downloads
from indexsite_client.guard import ShapeGuard
from indexsite_client.mirror import pages
from indexsite_client.mirror.addresses import (
    PROJECT_LIST,
    metadata_address,
    split_address,
)
from indexsite_client.mirror.contents import Contents, Expected, expected_target
from indexsite_client.mirror.fetching import Counts, Fetching
from indexsite_client.mirror.record import Record, read_record
from indexsite_client.mirror.top_level import TopLevel, read_top_level
from indexsite_client.mirror.tree import MirrorTree
from indexsite_client.mirror.walk import Walk
from indexsite_client.progress import Progress
from indexsite_client.protocol import NormalizedName
from indexsite_client.trusted import TrustedIndex

_ATTEMPTS = 3  # an index that publishes and prunes while we read is read anew
_RESERVE = 50_000_000  # bytes that stay free


@dataclass(frozen=True, slots=True)
class Wish:
    """What a run is asked for; `projects` None means all."""

    projects: frozenset[NormalizedName] | None = None
    jobs: int = 8
    delete: bool = False
    recheck: bool = False


def mirror_index(index: TrustedIndex, downloads: Downloads, folder: Path, wish: Wish, progress: Progress) -> Counts:
    """Make the folder a mirror of what the index's roles vouch for now; raises ClientError and leaves the old state."""
    tree = MirrorTree(folder)
    with tree.writing():
        record = read_record(tree)
        if record is not None and record.index != index.index_id:
            raise MirrorFolderError(f"{folder} mirrors another index ({record.index}); choose an empty folder.")
        for attempt in range(1, _ATTEMPTS + 1):
            with Contents() as contents:
                run = _Run(index, downloads, tree, wish, contents, progress)
                try:
                    return run.run()
                except DocumentGoneError:
                    if attempt == _ATTEMPTS:
                        raise
    raise AssertionError  # the loop returns or raises


class _Run:
    def __init__(
        self,
        index: TrustedIndex,
        downloads: Downloads,
        tree: MirrorTree,
        wish: Wish,
        contents: Contents,
        progress: Progress,
    ) -> None:
        self._index, self._downloads, self._tree, self._wish = index, downloads, tree, wish
        self._contents, self._progress = contents, progress
        self._fetching = Fetching(index.url, downloads, tree, jobs=wish.jobs)
        self._counts = Counts()

    def run(self) -> Counts:
        guard = ShapeGuard(index_id=self._index.index_id, development=self._index.development)
        top = read_top_level(self._index, self._downloads, guard)
        self._take_documents(top, guard)
        projects = self._chosen_projects()
        self._take_pages(projects)
        self._take_files()
        self._write_pages(projects, serial=top.snapshot.version)
        self._publish(top)
        self._clean()
        return self._counts

    def _take_documents(self, top: TopLevel, guard: ShapeGuard) -> None:
        """Every role that the snapshot leads to: verified, kept under its name, and its targets noted."""
        names = [*top.documents(), "timestamp.json", *(f"{number}.root.json" for number in top.roots)]
        self._contents.expect(Expected(metadata_address(name), "", "") for name in names)
        for name, data in top.documents().items():
            self._put_document(name, data)
        with self._progress("roles", len(top.snapshot.meta)) as advance:
            for found in Walk(top.snapshot, guard, self._load, refuse=self._refuse).below("targets", top.targets):
                self._put_document(found.name, found.data)
                self._contents.expect([Expected(metadata_address(found.name), "", "")])
                self._contents.add_targets(found.role, found.targets)
                advance(1)

    def _load(self, wanted: Iterable[tuple[str, int]]) -> Generator[bytes | ClientError]:
        with closing(self._fetching.in_order(self._fetching.document, wanted)) as loaded:
            for data, _is_fetched in loaded:
                yield data

    def _refuse(self, name: str, error: ClientError) -> None:
        address = metadata_address(name)
        if self._tree.size(address) is not None:  # damaged on this disk: away with it, and ask the index
            self._tree.remove(address)
            raise DocumentGoneError(f"{address} in the mirror was damaged. {error}") from error
        raise error

    def _put_document(self, name: str, data: bytes) -> None:
        address = metadata_address(name)
        if self._tree.read(address, len(data)) == data:
            return
        self._tree.put(address, data)
        self._counts.documents += 1

    def _chosen_projects(self) -> list[NormalizedName]:
        wanted = self._wish.projects
        found = [name for name in self._contents.projects() if wanted is None or name in wanted]
        missing = sorted((wanted or frozenset()) - set(found))
        if missing:
            raise ProjectNotFoundError(f"The project {', '.join(missing)}")
        return found

    def _take_pages(self, projects: list[NormalizedName]) -> None:
        """Every page, read and compared with its project's targets; what it lists is noted as expected."""
        with self._progress("pages", len(projects)) as advance:
            wanted = (
                expected_target(name, pages.find_page(name, self._contents.targets_of(name))) for name in projects
            )
            with closing(self._fetching.in_order(self._fetching.signed_bytes, wanted)) as loaded:
                for name, (data, is_fetched) in zip(projects, loaded, strict=True):
                    targets = self._contents.targets_of(name)
                    vouched = pages.read_vouched_page(name, data, targets)
                    self._contents.expect(pages.expected_files(vouched, targets))
                    self._counts.files += is_fetched
                    self._counts.bytes += len(data) if is_fetched else 0
                    advance(1)

    def _take_files(self) -> None:
        missing, withheld = self._missing_bytes(), []
        with self._progress("bytes", missing) as advance:
            wanted = (each for each in self._contents.originals() if not self._is_there(each))
            with closing(self._fetching.in_order(self._fetching.file, wanted)) as received:
                for file, length in received:
                    if length is None:
                        withheld.append(file.address)
                        continue
                    self._counts.files += 1
                    self._counts.bytes += length
                    advance(length if file.length is not None else 0)
        for address in withheld:
            self._contents.withhold(address)
        for copy in self._contents.copies():
            if not self._is_there(copy):
                self._tree.link(copy.copies, copy.address)

    def _missing_bytes(self) -> int:
        """How much has to be fetched; raises MirrorFolderError where it does not fit on the disk."""
        missing, self._counts.kept = 0, -self._counts.files  # the pages are there now, whether they were or not
        for wanted in self._contents.originals():
            if not self._is_there(wanted):
                missing += wanted.length or 0
            elif wanted.project:
                self._counts.kept += 1
        free = self._tree.free_space()
        if missing + _RESERVE > free:
            raise MirrorFolderError(
                f"The files that are missing take {missing} bytes, but {free} are free, of which {_RESERVE} are not "
                "used; make room, choose another folder, or mirror fewer projects with --projects."
            )
        return missing

    def _is_there(self, wanted: Expected) -> bool:
        """Whether nothing is to do. Names are given to verified bytes only, so a length tells, unless it is doubted."""
        if not wanted.sha256:
            return True
        try:
            split_address(wanted.address)
        except AddressRefusedError:
            return False
        if wanted.length is None or self._wish.recheck:
            return self._tree.sha256(wanted.address) == wanted.sha256
        return self._tree.size(wanted.address) == wanted.length

    def _write_pages(self, projects: list[NormalizedName], *, serial: int) -> None:
        self._counts.withheld = self._contents.withheld()
        withheld = frozenset(self._counts.withheld)
        for name in projects:
            targets = self._contents.targets_of(name)
            source = expected_target(name, pages.find_page(name, targets))
            signed = self._tree.read(source.address, source.length or 0) or b""
            page = pages.without_withheld(protocol.read_page(signed), withheld)
            for address, data in pages.installer_pages(page):
                self._write_page(address, data, source.address if data == signed else "")
        self._write_page(PROJECT_LIST[0], protocol.project_list_html(projects), "")
        self._write_page(PROJECT_LIST[1], protocol.project_list_bytes(projects, serial=serial), "")

    def _write_page(self, address: str, data: bytes, source: str) -> None:
        self._contents.expect([Expected(address, "", "")])
        if self._tree.read(address, len(data)) == data:
            return
        if source:
            self._tree.link(source, address)
        else:
            self._tree.put(address, data)
        self._counts.pages += 1

    def _publish(self, top: TopLevel) -> None:
        """Show the new state; roots just before the timestamp, since a client may meet a new root with the old one."""
        if top.timestamp.is_expired(datetime.now(UTC)):
            raise VerificationError(
                "The index's timestamp has expired while this run went on, so the mirror stays as it was; run the "
                "command again: most is there now."
            )
        os.sync()  # everything that the timestamp leads to is on the disk before it
        for number, data in sorted(top.roots.items()):
            self._put_document(f"{number}.root.json", data)
        self._put_document("timestamp.json", top.timestamp_bytes)
        projects = None if self._wish.projects is None else tuple(sorted(self._wish.projects))
        record = Record(self._index.index_id, top.snapshot.version, projects, tuple(self._counts.withheld))
        self._tree.write_record(record.to_bytes())
        self._counts.version = top.snapshot.version

    def _clean(self) -> None:
        """Remove or count what the index has no more; names that no mirror writes are never touched."""
        for address in self._tree.addresses():
            if self._contents.is_expected(address):
                continue
            try:
                split_address(address)
            except AddressRefusedError:
                self._counts.surplus += 1
                continue
            if self._wish.delete:
                self._tree.remove(address)
                self._counts.removed += 1
            else:
                self._counts.surplus += 1
