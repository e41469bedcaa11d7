"""One consistent, verified state of an index: an Updater behind the shape guard, made anew for each refresh."""

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tuf.api.exceptions import DownloadHTTPError
from tuf.api.metadata import TargetFile
from tuf.ngclient import Updater

from indexsite_client import protocol, remembered
from indexsite_client.boundary import speaking
from indexsite_client.documents import GuardedFetcher
from indexsite_client.errors import ClientError, ProjectNotFoundError, VerificationError
from indexsite_client.fetcher import Downloads
from indexsite_client.guard import ShapeGuard
from indexsite_client.protocol import NormalizedName, PageFile, ProjectPage, ProtocolError
from indexsite_client.trusted import TrustedIndex

_MAX_PAGE = 20_000_000
_NOBODYS = "_/_"  # a path that "*/*" matches and no project has


class DocumentGoneError(ClientError):
    """The index lacks a document that its own snapshot names: it has published and pruned since."""

    code = "document-gone"


@dataclass(frozen=True, slots=True)
class VouchedTarget:
    """A target and the first role that lists it."""

    role: str
    target: TargetFile

    @property
    def sha256(self) -> str:
        return self.target.hashes["sha256"]

    @property
    def kind(self) -> str:
        """Who stands behind it: `unclaimed` for every bin, `project-<n>` for that role and those below it."""
        return self.role.partition(".")[0] if self.role.startswith("project-") else protocol.UNCLAIMED


@dataclass(frozen=True, slots=True)
class VouchedPage:
    """A project's page, already compared with the targets that its role lists."""

    page: ProjectPage
    voucher: VouchedTarget

    def entry(self, filename: str) -> PageFile:
        for file in self.page.files:
            if file.filename == filename:
                return file
        raise ProjectNotFoundError(filename)


def check_agreement(vouched: VouchedPage, filename: str, found: VouchedTarget | None) -> VouchedTarget:
    """The target of a listed file, if page and target agree on voucher, sha256 and size."""
    project, entry = vouched.page.project, vouched.entry(filename)
    if found is None:
        raise _disagreement(project, f"lists {filename}, but no role vouches for that file")
    if found.kind != vouched.voucher.kind:
        raise _disagreement(project, f"is from {vouched.voucher.role!r}, but {filename} is from {found.role!r}")
    if (found.sha256, found.target.length) != (entry.sha256, entry.size):
        raise _disagreement(project, f"and the role {found.role!r} disagree on the sha256 or size of {filename}")
    return found


class Snapshot:
    """For one thread at a time, except `download`. Any VerificationError ends its use: see `spoil`."""

    def __init__(self, index: TrustedIndex, downloads: Downloads, cache: Path) -> None:
        """Refresh the top-level roles, and remember them; raises ClientError where they do not verify."""
        self._index = index
        self._guard = ShapeGuard(index_id=index.index_id, development=index.development)
        self._fetcher = GuardedFetcher(downloads, self._guard, cache / "documents" / index.cache_name)
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

    def download(self, found: VouchedTarget, path: Path) -> None:
        """Download and verify into a file of the caller's own."""
        with speaking(f"{found.target.path}, vouched for by the role {found.role!r},"):
            self._updater.download_target(found.target, str(path))

    def _find(self, target_path: str) -> VouchedTarget | None:
        with _noticing_gone(), speaking(f"The metadata about {target_path}"):
            target = self._updater.get_targetinfo(target_path)
        if target is None:
            return None
        role = self._guard.voucher(target_path)
        if role is None or set(target.hashes) != {"sha256"}:
            raise VerificationError(f"{target_path} is not listed by one role with one sha256; nothing of it is used.")
        return VouchedTarget(role, target)

    def _read_page(self, project: NormalizedName, found: VouchedTarget) -> VouchedPage:
        if found.target.length > _MAX_PAGE:
            raise _disagreement(project, f"is longer than {_MAX_PAGE} bytes")
        path = Path(self._folder.name, "page")
        with _noticing_gone():
            self.download(found, path)
        try:
            page = protocol.read_page(path.read_bytes())
        except ProtocolError as error:
            raise _disagreement(project, f"breaks the form of pages ({error})") from error
        self._check_page(project, page, found.role)
        return VouchedPage(page, found)

    def _check_page(self, project: NormalizedName, page: ProjectPage, role: str) -> None:
        if page.project != project:
            raise _disagreement(project, f"is that of {page.project}")
        names = [file.filename for file in page.files]
        if any(protocol.parse_distribution_filename(name).project != project for name in names):
            raise _disagreement(project, "lists files of another project")
        if len(set(names)) != len(names):
            raise _disagreement(project, "lists one filename twice")
        listed = {protocol.file_target_path(project, name) for name in names} | {protocol.page_target_path(project)}
        unlisted = self._guard.targets_listed_with(role, f"{project}/") - listed
        if unlisted:
            raise _disagreement(project, f"does not list {min(unlisted)}, for which the role {role!r} vouches")


@contextlib.contextmanager
def _noticing_gone() -> Iterator[None]:
    """Tell a missing document or page from other failures, since a new snapshot may mend it."""
    try:
        yield
    except ClientError as error:
        cause = error.__cause__
        if isinstance(cause, DownloadHTTPError) and cause.status_code == 404:
            raise DocumentGoneError(f"The index lacks a document that its snapshot names: {cause}") from error
        raise


def _disagreement(project: NormalizedName, fault: str) -> VerificationError:
    return VerificationError(
        f"The page of {project} {fault}. The rule: page, targets and their roles must agree. "
        "Nothing of it is used; tell the administrator of the index."
    )
