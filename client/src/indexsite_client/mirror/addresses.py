"""Where each thing of an index lies in a mirror's tree: the same addresses at which the index serves it. Pure."""

import re
from typing import Final
from urllib.parse import quote, unquote

from indexsite_client.errors import AddressRefusedError
from indexsite_client.protocol import NormalizedName, PageFile, provenance_link

TOP_FOLDERS: Final = ("files", "integrity", "simple", "tuf")  # a mirror touches nothing outside of these
_COMPONENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]*")
_MAX_COMPONENT = 255  # bytes that common file systems allow


def metadata_address(name: str) -> str:
    """Where a document lies; `name` is like `5.root.json`."""
    return f"tuf/metadata/{name}"


def target_address(target_path: str, sha256: str) -> str:
    """Where a target lies, by its path and its hash, as consistent snapshots have it (TUF specification 6.2)."""
    folder, _, filename = target_path.rpartition("/")
    return f"tuf/targets/{folder}/{sha256}.{filename}"


def file_address(file: PageFile) -> str:
    """Where the file lies for installers."""
    return f"files/{file.sha256}/{file.filename}"


def core_metadata_address(file: PageFile) -> str:
    """Where the file's core metadata lies (PEP 658)."""
    return f"{file_address(file)}.metadata"


def provenance_address(file: PageFile) -> str:
    """Where the file's provenance lies (PEP 740)."""
    link = provenance_link(file).partition("#")[0]
    return unquote(link.removeprefix("../../"))


def page_addresses(project: NormalizedName) -> tuple[str, str]:
    """The project's page for installers, as HTML and as JSON."""
    return f"simple/{project}/index.html", f"simple/{project}/index.json"


PROJECT_LIST: Final = ("simple/index.html", "simple/index.json")


def url_path(address: str) -> str:
    """The address as it is written in a URL."""
    return quote(address, safe="/+!")


def split_address(address: str) -> list[str]:
    """The address's components; raises AddressRefusedError where a file system could take one for anything else.

    Names in signed documents come from others: `..`, a slash or a control character must never reach the disk.
    """
    components = address.split("/")
    for component in components:
        if not _COMPONENT.fullmatch(component) or len(component) > _MAX_COMPONENT:
            raise AddressRefusedError(
                f"The index has something at {address[:120]!r}, which cannot be the path of a file in a mirror: names "
                f"have ASCII letters, digits and '._+!-', at most {_MAX_COMPONENT} of them."
            )
    if components[0] not in TOP_FOLDERS:
        raise AddressRefusedError(f"{address[:120]!r} is no address of an index.")
    return components
