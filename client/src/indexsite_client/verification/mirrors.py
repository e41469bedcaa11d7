"""`indexsite verify --mirror`: a mirror's whole tree against its own metadata and the trusted root, without network."""

import zlib
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from urllib.parse import unquote

from tuf.api.exceptions import DownloadHTTPError, DownloadLengthMismatchError

from indexsite_client import protocol
from indexsite_client.errors import AddressRefusedError, ClientError, MirrorFolderError
from indexsite_client.guard import ShapeGuard
from indexsite_client.mirror import pages
from indexsite_client.mirror.addresses import PROJECT_LIST, metadata_address, split_address
from indexsite_client.mirror.contents import Contents, Expected, expected_target
from indexsite_client.mirror.record import read_record
from indexsite_client.mirror.top_level import read_top_level
from indexsite_client.mirror.tree import MirrorTree
from indexsite_client.mirror.walk import Walk
from indexsite_client.progress import Progress
from indexsite_client.protocol import NormalizedName
from indexsite_client.trusted import TrustedIndex

_MAX_TWIN = 64_000_000


class Fault(StrEnum):
    """What is wrong with something in a mirror."""

    MISSING = "missing"
    CHANGED = "changed"
    SURPLUS = "surplus"
    REFUSED = "refused"  # its signed documents do not verify, or contradict each other


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, and where in the tree."""

    fault: Fault
    address: str
    detail: str = ""


@dataclass
class MirrorReport:
    """What was looked at and what is wrong. Without `is_whole` some roles could not be read, so nothing is surplus."""

    version: int = 0
    documents: int = 0
    projects: int = 0
    files: int = 0
    is_partial: bool = False
    is_whole: bool = True
    withheld: tuple[str, ...] = ()
    unread: int = 0  # brotli twins, which the client has no library for
    findings: list[Finding] = field(default_factory=list)


class FolderReader:
    """A mirror's folder as the Updater would meet it behind a web server."""

    def __init__(self, tree: MirrorTree, url: str) -> None:
        self._tree, self._url = tree, url

    def read(self, url: str, max_length: int) -> bytes:
        """The document's bytes; raises as a download from a web server would."""
        address = unquote(url.removeprefix(f"{self._url}/"))
        data = self._tree.read(address, max_length)
        if data is None and self._tree.size(address) is None:
            raise DownloadHTTPError(f"{address} is missing.", 404)
        if data is None:
            raise DownloadLengthMismatchError(f"{address} is longer than {max_length} bytes")
        return data

    def stream(self, url: str, max_length: int) -> Iterator[bytes]:
        """The same, as one piece."""
        yield self.read(url, max_length)


def verify_mirror(index: TrustedIndex, folder: Path, progress: Progress) -> MirrorReport:
    """Look at everything there.

    Raises ClientError where the folder is no mirror of this index, or its top-level roles do not verify.
    """
    tree = MirrorTree(folder)
    if not folder.is_dir():
        raise MirrorFolderError(f"{folder} is no folder; give the one that `indexsite mirror` has written.")
    record = read_record(tree)
    if record is not None and record.index != index.index_id:
        raise MirrorFolderError(f"{folder} mirrors another index ({record.index}); choose it with --index URL.")
    with Contents() as contents:
        look = _Look(index, tree, contents, progress)
        if record is not None:
            look.report.is_partial, look.report.withheld = record.projects is not None, record.withheld
        look.run(None if record is None else record.projects)
        return look.report


class _Look:
    def __init__(self, index: TrustedIndex, tree: MirrorTree, contents: Contents, progress: Progress) -> None:
        self._index, self._tree, self._contents, self._progress = index, tree, contents, progress
        self.report = MirrorReport()

    def run(self, chosen: tuple[str, ...] | None) -> None:
        serial = self._look_at_documents()
        projects = [name for name in self._contents.projects() if chosen is None or name in chosen]
        self.report.projects = len(projects)
        for name in projects:
            self._look_at_page(name)
        for address in self.report.withheld:
            self._contents.withhold(address)
        self._look_at_files()
        self._compare(PROJECT_LIST[0], protocol.project_list_html(projects))
        self._compare(PROJECT_LIST[1], protocol.project_list_bytes(projects, serial=serial))
        if self.report.is_whole:
            self._look_for_surplus()
        self.report.findings.sort(key=lambda finding: finding.address)

    def _find(self, fault: Fault, address: str, detail: str = "") -> None:
        self.report.findings.append(Finding(fault, address, detail))

    def _look_at_documents(self) -> int:
        guard = ShapeGuard(index_id=self._index.index_id, development=self._index.development)
        top = read_top_level(self._index, FolderReader(self._tree, self._index.url), guard, is_mirror=True)
        roots = {f"{number}.root.json": data for number, data in top.roots.items()}
        for name, data in {**roots, **top.documents(), "timestamp.json": top.timestamp_bytes}.items():
            self._compare(metadata_address(name), data)
            self.report.documents += 1
        for found in Walk(top.snapshot, guard, self._load, refuse=self._refuse).below("targets", top.targets):
            self._contents.expect([Expected(metadata_address(found.name), "", "")])
            try:
                self._contents.add_targets(found.role, found.targets)
            except ClientError as error:
                self._refuse(found.name, error)
            self.report.documents += 1
        self.report.version = top.snapshot.version
        return int(top.snapshot.version)

    def _load(self, wanted: Iterable[tuple[str, int]]) -> Generator[bytes | ClientError]:
        for name, max_length in wanted:
            address = metadata_address(name)
            data = self._tree.read(address, max_length)
            if data is not None:
                yield data
            elif self._tree.size(address) is None:
                yield MirrorFolderError("")
            else:
                yield ClientError(f"It is longer than the {max_length} bytes that the snapshot allows.")

    def _refuse(self, name: str, error: ClientError) -> None:
        self.report.is_whole = False
        is_missing = isinstance(error, MirrorFolderError)
        self._find(Fault.MISSING if is_missing else Fault.REFUSED, metadata_address(name), str(error))

    def _look_at_page(self, project: NormalizedName) -> None:
        """Compare the page and what installers read of it; note what it lists."""
        targets = self._contents.targets_of(project)
        try:
            wanted = expected_target(project, pages.find_page(project, targets))
            self._contents.expect([wanted])
            data = self._tree.read(wanted.address, wanted.length or 0)
            if data is None or self._tree.sha256(wanted.address) != wanted.sha256:
                self.report.is_whole = False
                return  # told with the other files
            vouched = pages.read_vouched_page(project, data, targets)
        except ClientError as error:
            self.report.is_whole = False
            self._find(Fault.REFUSED, f"simple/{project}", str(error))
            return
        self._contents.expect(pages.expected_files(vouched, targets))
        shown = pages.without_withheld(vouched.page, frozenset(self.report.withheld))
        for address, rendered in pages.installer_pages(shown):
            self._compare(address, rendered)

    def _look_at_files(self) -> None:
        total = sum(wanted.length or 0 for wanted in self._contents.originals())
        with self._progress("bytes", total) as advance:
            for wanted in self._contents.originals():
                if wanted.sha256:
                    self.report.files += 1
                    self._look_at_file(wanted)
                    advance(wanted.length or 0)
        for copy in self._contents.copies():
            if not self._tree.is_linked(copy.copies, copy.address):
                self._look_at_file(copy)

    def _look_at_file(self, wanted: Expected) -> None:
        try:
            actual = self._tree.sha256(wanted.address)
        except AddressRefusedError as error:
            self._find(Fault.MISSING, wanted.address, str(error))
            return
        if actual is None:
            self._find(Fault.MISSING, wanted.address)
        elif actual != wanted.sha256:
            self._find(Fault.CHANGED, wanted.address, f"its sha256 is {actual}, the signed one {wanted.sha256}")

    def _compare(self, address: str, right: bytes) -> None:
        self._contents.expect([Expected(address, "", "")])
        actual = self._tree.read(address, len(right))
        if actual != right:
            self._find(Fault.MISSING if self._tree.size(address) is None else Fault.CHANGED, address)

    def _look_for_surplus(self) -> None:
        for address in self._tree.addresses():
            if not self._contents.is_expected(address) and not self._look_at_twin(address):
                strange = ""
                try:
                    split_address(address)
                except AddressRefusedError:
                    strange = "no mirror writes such a name"
                self._find(Fault.SURPLUS, address, strange)

    def _look_at_twin(self, address: str) -> bool:
        """Whether this is the compressed twin of a file, which web servers send in its place; a wrong one is found."""
        plain, _, form = address.rpartition(".")
        if form not in {"gz", "br"} or not self._contents.is_expected(plain):
            return False
        if form == "br":
            self.report.unread += 1
            return True
        right, twin = (self._tree.read(each, _MAX_TWIN) for each in (plain, address))
        if right is not None and not _is_gzip_of(twin or b"", right):
            self._find(Fault.CHANGED, address, "it holds something else than the file beside it")
        return True


def _is_gzip_of(twin: bytes, right: bytes) -> bool:
    inflating = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        return inflating.decompress(twin, len(right) + 1) == right and inflating.eof and not inflating.unused_data
    except zlib.error:
        return False
