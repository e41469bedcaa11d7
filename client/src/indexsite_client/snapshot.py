"""One consistent, verified state of an index: an Updater behind the shape guard, made anew for each refresh."""

import tempfile
from pathlib import Path

from tuf.ngclient import Updater

from indexsite_client import protocol, remembered
from indexsite_client.agreement import (
    MAX_PAGE,
    VouchedPage,
    VouchedTarget,
    check_agreement,
    check_page,
    disagreement,
)
from indexsite_client.boundary import noticing_gone, speaking
from indexsite_client.documents import CONFIG, GuardedFetcher
from indexsite_client.errors import ProjectNotFoundError, VerificationError
from indexsite_client.fetcher import Downloads
from indexsite_client.guard import ShapeGuard
from indexsite_client.protocol import NormalizedName, ProtocolError
from indexsite_client.trusted import TrustedIndex

_NOBODYS = "_/_"  # a path that "*/*" matches and no project has


class Snapshot:
    """For one thread at a time, except `download`. Any VerificationError ends its use: see `spoil`."""

    def __init__(self, index: TrustedIndex, downloads: Downloads, cache: Path) -> None:
        """Refresh the top-level roles, and remember them; raises ClientError where they do not verify."""
        self._index = index
        self._guard = ShapeGuard(index_id=index.index_id, development=index.development)
        self._fetcher = GuardedFetcher(
            downloads, self._guard, cache / "documents" / index.cache_name, pinned=index.root_version()
        )
        self._pages: dict[NormalizedName, VouchedPage] = {}
        self._folder = tempfile.TemporaryDirectory(prefix="indexsite-")
        try:
            self._updater = self._refresh(Path(self._folder.name))
        except BaseException:
            self.spoil()
            raise

    def _refresh(self, folder: Path) -> Updater:
        remembered.borrow(self._index.state, folder)
        with speaking(f"The metadata of {self._index.url}"):
            updater = Updater(
                str(folder),
                self._index.metadata_url,
                target_base_url=self._index.targets_url,
                fetcher=self._fetcher,
                bootstrap=self._index.root_bytes(),
                config=CONFIG,
            )
            updater.refresh()
            updater.get_targetinfo(_NOBODYS)  # lets the guard see both claimed roles before any project is asked for
        remembered.give_back(folder, self._index.state)
        return updater

    def close(self) -> None:
        self._folder.cleanup()

    def spoil(self) -> None:
        """Close after a refusal, and leave nothing in the cache that it has read."""
        self._fetcher.forget()
        self.close()

    def page(self, project: NormalizedName) -> VouchedPage:
        if project not in self._pages:
            found = self._find(protocol.page_target_path(project))
            if found is None:
                raise ProjectNotFoundError(f"The project {project}")
            self._pages[project] = self._read_page(project, found)
        return self._pages[project]

    def file(self, project: NormalizedName, filename: str) -> VouchedTarget:
        """The target of a listed file; raises VerificationError unless page, target and voucher agree."""
        vouched = self.page(project)
        vouched.entry(filename)
        return check_agreement(vouched, filename, self._find(protocol.file_target_path(project, filename)))

    def version_of(self, role: str) -> int:
        """The version of a role that has vouched for something in this snapshot."""
        return self._guard.version_of(role)

    def download(self, found: VouchedTarget, path: Path) -> None:
        """Download and verify into a file of the caller's own."""
        with speaking(f"{found.target.path}, vouched for by the role {found.role!r},"):
            self._updater.download_target(found.target, str(path))

    def _find(self, target_path: str) -> VouchedTarget | None:
        with noticing_gone(), speaking(f"The metadata about {target_path}"):
            target = self._updater.get_targetinfo(target_path)
        if target is None:
            return None
        role = self._guard.voucher(target_path)
        if role is None or set(target.hashes) != {"sha256"}:
            raise VerificationError(f"{target_path} is not listed by one role with one sha256; nothing of it is used.")
        return VouchedTarget(role, target)

    def _read_page(self, project: NormalizedName, found: VouchedTarget) -> VouchedPage:
        if found.target.length > MAX_PAGE:
            raise disagreement(project, f"is longer than {MAX_PAGE} bytes")
        path = Path(self._folder.name, "page")
        with noticing_gone():
            self.download(found, path)
        try:
            page = protocol.read_page(path.read_bytes())
        except ProtocolError as error:
            raise disagreement(project, f"breaks the form of pages ({error})") from error
        check_page(project, page, self._guard.targets_listed_with(found.role, f"{project}/"), role=found.role)
        return VouchedPage(page, found)
