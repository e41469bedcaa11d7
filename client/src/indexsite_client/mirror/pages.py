"""Which files a project's verified page makes part of a mirror. Pure."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from indexsite_client import protocol
from indexsite_client.agreement import MAX_PAGE, VouchedPage, VouchedTarget, check_agreement, check_page, disagreement
from indexsite_client.mirror.addresses import (
    core_metadata_address,
    file_address,
    page_addresses,
    provenance_address,
    target_address,
)
from indexsite_client.mirror.contents import Expected, expected_target
from indexsite_client.protocol import NormalizedName, ProjectPage, ProtocolError


def find_page(project: NormalizedName, targets: Mapping[str, VouchedTarget]) -> VouchedTarget:
    """The target of the project's page; raises VerificationError where files are signed without one."""
    found = targets.get(protocol.page_target_path(project))
    if found is None:
        raise disagreement(project, f"is missing, but {min(targets)[:300]!r} is signed")
    if found.target.length > MAX_PAGE:
        raise disagreement(project, f"is longer than {MAX_PAGE} bytes")
    return found


def read_vouched_page(project: NormalizedName, data: bytes, targets: Mapping[str, VouchedTarget]) -> VouchedPage:
    """The page, compared with all of the project's targets; raises VerificationError where they disagree."""
    found = targets[protocol.page_target_path(project)]
    try:
        page = protocol.read_page(data)
    except ProtocolError as error:
        raise disagreement(project, f"breaks the form of pages ({error})") from error
    check_page(project, page, targets, role=found.role)
    vouched = VouchedPage(page, found)
    for file in page.files:
        check_agreement(vouched, file.filename, targets.get(protocol.file_target_path(project, file.filename)))
    return vouched


def expected_files(vouched: VouchedPage, targets: Mapping[str, VouchedTarget]) -> Iterator[Expected]:
    """All that lies in the tree because of this page, but for the pages that installers read."""
    page = vouched.page
    yield expected_target(page.project, vouched.voucher)
    for file in page.files:
        original = expected_target(page.project, targets[protocol.file_target_path(page.project, file.filename)])
        yield original
        yield Expected(file_address(file), page.project, file.sha256, file.size, original.address)
        if file.metadata_sha256:
            yield Expected(core_metadata_address(file), page.project, file.metadata_sha256)
        if file.provenance_sha256:
            yield Expected(provenance_address(file), page.project, file.provenance_sha256)


def without_withheld(page: ProjectPage, withheld: Collection[str]) -> ProjectPage:
    """The page for installers: it does not offer what cannot be had."""
    kept = tuple(file for file in page.files if file_address(file) not in withheld)
    return page if len(kept) == len(page.files) else replace(page, files=kept)


def installer_pages(page: ProjectPage) -> Iterator[tuple[str, bytes]]:
    """The addresses and bytes of the pages that installers read."""
    html, json = page_addresses(page.project)
    yield html, protocol.page_html(page)
    yield json, protocol.page_bytes(page)


def page_source(vouched: VouchedPage) -> str:
    """The address of the signed page."""
    return target_address(vouched.voucher.target.path, vouched.voucher.sha256)
