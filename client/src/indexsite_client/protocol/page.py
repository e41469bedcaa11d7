"""The canonical project page: its signed JSON form, and the HTML rendered from the same values."""

import html
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, TypeAlias
from urllib.parse import quote

from packaging.version import Version

from indexsite_client.protocol.names import (
    NormalizedName,
    ProtocolError,
    normalize_name,
    parse_distribution_filename,
)

Json: TypeAlias = dict[str, Any]  # Any: a JSON object whose shape the reader checks

SIMPLE_JSON = "application/vnd.pypi.simple.v1+json"
SIMPLE_HTML = "application/vnd.pypi.simple.v1+html"
INTEGRITY_JSON = "application/vnd.pypi.integrity.v1+json"  # of provenance objects
API_VERSION = "1.4"  # PEP 629: the newest of PEP 700, 708, 740 and 792; what they add and is absent is optional
PAGE_FORMAT = 2
_API_VERSIONS = {1: "1.1", PAGE_FORMAT: API_VERSION}  # by page format: those that are read, the last two
_PLAIN = re.compile(r"[A-Za-z0-9._-]+")  # what quoting leaves alone
SHA256 = re.compile(r"[0-9a-f]{64}")
_HASH_FRAGMENT = "#sha256="


class ProjectStatus(StrEnum):
    """The status of a project for installers (PEP 792)."""

    ACTIVE = "active"
    ARCHIVED = "archived"  # takes no uploads
    QUARANTINED = "quarantined"  # takes no uploads, and offers no file
    DEPRECATED = "deprecated"


@dataclass(frozen=True, slots=True)
class PageFile:
    """One file of a project page: what installers act on (PEP 691, 700, 658/714, 592).

    `size` is in bytes; `upload_time` is RFC 3339 in UTC with microseconds, as PEP 700 wants it; `metadata_sha256`
    is empty where there is no `.metadata` file; `yanked` is the reason, "" for none given, None for not yanked;
    `provenance_sha256` is empty where nobody attested the file (PEP 740).
    """

    filename: str
    sha256: str
    size: int
    upload_time: str
    requires_python: str = ""
    metadata_sha256: str = ""
    yanked: str | None = None
    provenance_sha256: str = ""


@dataclass(frozen=True, slots=True)
class ProjectPage:
    """A project's page: its signed form is `page_bytes`, and HTML is rendered from the same values.

    A page that was signed in the format before stays in it: its bytes are what its role vouches for.
    """

    project: NormalizedName
    files: tuple[PageFile, ...]
    status: ProjectStatus = ProjectStatus.ACTIVE
    status_reason: str = ""
    page_format: int = PAGE_FORMAT

    def versions(self) -> list[str]:
        """Every version that has a file, oldest first (PEP 700); of equal ones (1.0, 1.0.0) one."""
        named = [parse_distribution_filename(file.filename) for file in self.files]
        texts: dict[Version, str] = {}
        for version, text in sorted({(each.version, each.version_text) for each in named}):
            texts.setdefault(version, text)
        return list(texts.values())


def canonical_json(value: object) -> bytes:
    """Sorted keys, no white space, UTF-8: OLPC canonical JSON for values without floats and control characters."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def file_link(file: PageFile) -> str:
    """The file's link, relative to its project's page, so that signed bytes name no host."""
    return f"../../files/{file.sha256}/{file.filename if _PLAIN.fullmatch(file.filename) else quote(file.filename)}"


def provenance_link(file: PageFile) -> str:
    """The link of the file's provenance (PEP 740), relative as above.

    Its fragment is the hash of what lies there: so the signed page vouches for it, as for `.metadata`.
    """
    named = parse_distribution_filename(file.filename)
    path = f"{named.project}/{quote(named.version_text)}/{quote(file.filename)}"
    return f"../../integrity/{path}/provenance{_HASH_FRAGMENT}{file.provenance_sha256}"


def page_bytes(page: ProjectPage) -> bytes:
    """The canonical page: PEP 691 JSON, files by version and name."""
    files = b",".join(_entry_bytes(file) for file in sort_files(page.files))
    meta = {"api-version": _API_VERSIONS[page.page_format], "_indexsite-page": page.page_format}
    rest: Json = {"meta": meta, "name": page.project, "versions": page.versions()}
    if page.page_format > 1:
        reason = {"reason": page.status_reason} if page.status_reason else {}
        rest["project-status"] = {"status": page.status, **reason}
    return b'{"files":[' + files + b"]," + canonical_json(rest)[1:]


def read_page(data: bytes) -> ProjectPage:
    """Read a canonical page; raises ProtocolError unless it is, byte for byte, what `page_bytes` would write."""
    try:
        page = _read_document(json.loads(data))
        unchanged = page_bytes(page) == data
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise ProtocolError(f"The project page is malformed: {error}") from error
    if not unchanged:
        raise ProtocolError("The project page is not in canonical form.")
    filenames = {file.filename for file in page.files}
    strangers = [name for name in filenames if parse_distribution_filename(name).project != page.project]
    if strangers or len(filenames) != len(page.files):
        raise ProtocolError("The project page lists a file twice, or one of another project.")
    if page.files and page.status is ProjectStatus.QUARANTINED:
        raise ProtocolError("The project page lists files, though it says that the project is quarantined.")
    return page


def page_html(page: ProjectPage) -> bytes:
    """The page as PEP 503 HTML with the attributes of PEP 592, 629, 658, 714, 740 and 792."""
    lines = [_html_link(file) for file in sort_files(page.files)]
    metas = {"pypi:repository-version": _API_VERSIONS[page.page_format]}
    if page.page_format > 1:
        metas["pypi:project-status"] = page.status
    if page.status_reason:
        metas["pypi:project-status-reason"] = page.status_reason
    return _html_document(f"Links for {page.project}", lines, metas)


def project_list_bytes(names: Iterable[str], *, serial: int) -> bytes:
    """The list of all projects as PEP 691 JSON; `serial` is the publication's number. Not a TUF target.

    Normalized names need no escapes, and there may be a hundred thousand of them.
    """
    meta = canonical_json({"api-version": API_VERSION, "_last-serial": serial})
    projects = ",".join([f'{{"name":"{name}"}}' for name in names])
    return b'{"meta":' + meta + b',"projects":[' + projects.encode() + b"]}"


def project_list_html(names: Iterable[str]) -> bytes:
    """The list of all projects as PEP 503 HTML."""
    lines = [f'<a href="{name}/">{name}</a><br>' for name in names]
    return _html_document("Projects", lines, {"pypi:repository-version": API_VERSION})


def sort_files(files: Iterable[PageFile]) -> list[PageFile]:
    """Files as every page shows them: by version, then by name."""
    return sorted(files, key=lambda file: (_version_of(file.filename), file.filename))


def _version_of(filename: str) -> Version:
    return parse_distribution_filename(filename).version


@lru_cache(maxsize=4096)  # a page is written anew for each file that it gains, and checked once more
def _entry_bytes(file: PageFile) -> bytes:
    return canonical_json(_file_entry(file))


def _file_entry(file: PageFile) -> Json:
    metadata: Json | bool = {"sha256": file.metadata_sha256} if file.metadata_sha256 else False
    entry: Json = {
        "filename": file.filename,
        "url": file_link(file),
        "hashes": {"sha256": file.sha256},
        "size": file.size,
        "upload-time": file.upload_time,
        "core-metadata": metadata,
        "dist-info-metadata": metadata,
        "yanked": False if file.yanked is None else file.yanked or True,
    }
    if file.requires_python:
        entry["requires-python"] = file.requires_python
    if file.provenance_sha256:
        entry["provenance"] = provenance_link(file)
    return entry


def _read_document(document: Json) -> ProjectPage:
    page_format = document["meta"]["_indexsite-page"]
    if type(page_format) is not int or page_format not in _API_VERSIONS:
        raise ProtocolError("The page has a format that this version does not know; update the client.")
    said: Json = document["project-status"] if page_format > 1 else {"status": "active"}
    reason = said.get("reason", "")
    if not isinstance(reason, str):
        raise ProtocolError("The page's reason for the project's status is no text.")
    return ProjectPage(
        normalize_name(document["name"]),
        tuple(_read_file_entry(entry) for entry in document["files"]),
        ProjectStatus(said["status"]),
        reason,
        page_format,
    )


def _read_file_entry(entry: Json) -> PageFile:
    metadata, yanked = entry["core-metadata"], entry["yanked"]
    file = PageFile(
        filename=parse_distribution_filename(entry["filename"]).filename,
        sha256=entry["hashes"]["sha256"],
        size=entry["size"],
        upload_time=entry["upload-time"],
        requires_python=entry.get("requires-python", ""),
        metadata_sha256=metadata["sha256"] if metadata else "",
        yanked=None if yanked is False else "" if yanked is True else str(yanked),
        provenance_sha256=entry["provenance"].rpartition(_HASH_FRAGMENT)[2] if "provenance" in entry else "",
    )
    hashes = [file.sha256, *filter(None, (file.metadata_sha256, file.provenance_sha256))]
    if type(file.size) is not int or file.size < 0 or not all(SHA256.fullmatch(digest) for digest in hashes):
        raise ProtocolError(f"The page's entry for {file.filename} has a bad size or hash.")
    return file


def _html_link(file: PageFile) -> str:
    attributes = ""
    if file.requires_python:
        attributes += f' data-requires-python="{html.escape(file.requires_python)}"'
    if file.metadata_sha256:
        attributes += f' data-core-metadata="sha256={file.metadata_sha256}"'
        attributes += f' data-dist-info-metadata="sha256={file.metadata_sha256}"'
    if file.yanked is not None:
        attributes += f' data-yanked="{html.escape(file.yanked)}"'
    if file.provenance_sha256:
        attributes += f' data-provenance="{html.escape(provenance_link(file))}"'
    return f'<a href="{file_link(file)}#sha256={file.sha256}"{attributes}>{html.escape(file.filename)}</a><br>'


def _html_document(title: str, lines: Iterable[str], metas: Mapping[str, str]) -> bytes:
    head = f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>\n'
    for name, value in metas.items():
        head += f'<meta name="{name}" content="{html.escape(value)}">\n'
    return (head + f"</head><body>\n<h1>{title}</h1>\n" + "\n".join(lines) + "\n</body></html>\n").encode()
