"""What page, targets and roles must say alike before any of them is used. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from tuf.api.metadata import TargetFile

from indexsite_client import protocol
from indexsite_client.errors import ProjectNotFoundError, VerificationError
from indexsite_client.protocol import NormalizedName, PageFile, ProjectPage

MAX_PAGE = 20_000_000


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
        raise disagreement(project, f"lists {filename}, but no role vouches for that file")
    if found.kind != vouched.voucher.kind:
        raise disagreement(project, f"is from {vouched.voucher.role!r}, but {filename} is from {found.role!r}")
    if (found.sha256, found.target.length) != (entry.sha256, entry.size):
        raise disagreement(project, f"and the role {found.role!r} disagree on the sha256 or size of {filename}")
    return found


def check_page(project: NormalizedName, page: ProjectPage, targets: Iterable[str], *, role: str) -> None:
    """Raise VerificationError unless the page is this project's and lists all of the `targets` of `role` below it."""
    if page.project != project:
        raise disagreement(project, f"is that of {page.project}")
    names = [file.filename for file in page.files]
    if any(protocol.parse_distribution_filename(name).project != project for name in names):
        raise disagreement(project, "lists files of another project")
    if len(set(names)) != len(names):
        raise disagreement(project, "lists one filename twice")
    listed = {protocol.file_target_path(project, name) for name in names} | {protocol.page_target_path(project)}
    unlisted = set(targets) - listed
    if unlisted:
        raise disagreement(project, f"does not list {min(unlisted)[:300]!r}, for which the role {role!r} vouches")


def disagreement(project: NormalizedName, fault: str) -> VerificationError:
    """The refusal of a project whose page and targets do not fit together."""
    return VerificationError(
        f"The page of {project} {fault}. The rule: page, targets and their roles must agree. "
        "Nothing of it is used; tell the administrator of the index."
    )
