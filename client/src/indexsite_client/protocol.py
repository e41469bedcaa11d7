"""What server and client must agree on to the byte: names, target paths, role names, the canonical project page.

Pure: standard library and `packaging` only. The server imports nothing else of the client.
"""

import html
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NewType, TypeAlias, cast
from urllib.parse import quote

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

NormalizedName = NewType("NormalizedName", str)  # a project's name as PEP 503 normalizes it
Json: TypeAlias = dict[str, Any]  # Any: a JSON object whose shape the reader checks

SIMPLE_JSON = "application/vnd.pypi.simple.v1+json"
SIMPLE_HTML = "application/vnd.pypi.simple.v1+html"
API_VERSION = "1.1"  # PEP 629, PEP 700
PAGE_FORMAT = 1
INDEX_PAGE = "index.json"

SHA256 = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_FILENAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]{0,254}")


class ProtocolError(ValueError):
    """Bytes, a name or a document that the protocol does not allow."""


# --- names and target paths -----------------------------------------------------------------------------------------


def normalize_name(name: str) -> NormalizedName:
    """The name as PEP 503 normalizes it; raises ProtocolError where the result is no name of a project."""
    normalized = canonicalize_name(name)
    if not _NAME.fullmatch(normalized) or len(normalized) > 200:
        raise ProtocolError(f"{name[:80]!r} is not a project name: use ASCII letters, digits, '.', '-' and '_'.")
    return NormalizedName(normalized)


def is_normalized_name(name: str) -> bool:
    """Whether `name` is already as PEP 503 normalizes it."""
    return bool(_NAME.fullmatch(name)) and len(name) <= 200


@dataclass(frozen=True, slots=True)
class DistributionFilename:
    """What the name of a wheel (binary distribution format) or sdist (PEP 625 and its older spelling) says."""

    filename: str
    project: NormalizedName
    version: Version

    @property
    def is_wheel(self) -> bool:
        return self.filename.endswith(".whl")


def parse_distribution_filename(filename: str) -> DistributionFilename:
    """Read project and version from a file's name; raises ProtocolError for what is neither wheel nor sdist."""
    if not _FILENAME.fullmatch(filename):
        raise ProtocolError(
            f"{filename[:80]!r} is not the name of a distribution: it has characters that none can have."
        )
    try:
        if filename.endswith(".whl"):
            name, version, _build, _tags = parse_wheel_filename(filename)
        else:
            name, version = parse_sdist_filename(filename)
    except (InvalidWheelFilename, InvalidSdistFilename) as error:
        raise ProtocolError(f"{filename!r} is not the name of a wheel or sdist: {error}") from error
    return DistributionFilename(filename, normalize_name(name), version)


def page_target_path(project: NormalizedName) -> str:
    """The TUF target path of a project's page."""
    return f"{project}/{INDEX_PAGE}"


def file_target_path(project: NormalizedName, filename: str) -> str:
    """The TUF target path of a distribution file."""
    return f"{project}/{filename}"


# --- the canonical project page -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PageFile:
    """One file of a project page: what installers act on (PEP 691, 700, 658/714, 592).

    `size` is in bytes; `upload_time` is RFC 3339 in UTC with microseconds, as PEP 700 wants it; `metadata_sha256`
    is empty where there is no `.metadata` file; `yanked` is the reason, "" for none given, None for not yanked.
    """

    filename: str
    sha256: str
    size: int
    upload_time: str
    requires_python: str = ""
    metadata_sha256: str = ""
    yanked: str | None = None


@dataclass(frozen=True, slots=True)
class ProjectPage:
    """A project's page: its signed form is `page_bytes`, and HTML is rendered from the same values."""

    project: NormalizedName
    files: tuple[PageFile, ...]

    def versions(self) -> list[str]:
        """Every version that has a file, oldest first (PEP 700)."""
        return [str(version) for version in sorted({_version_of(file.filename) for file in self.files})]


def canonical_json(value: object) -> bytes:
    """Sorted keys, no white space, UTF-8: OLPC canonical JSON for values without floats and control characters."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def file_link(file: PageFile) -> str:
    """The file's link, relative to its project's page, so that signed bytes name no host."""
    return f"../../files/{file.sha256}/{quote(file.filename)}"


def page_bytes(page: ProjectPage) -> bytes:
    """The canonical page: PEP 691 JSON, files by version and name."""
    return canonical_json(
        {
            "meta": {"api-version": API_VERSION, "_indexsite-page": PAGE_FORMAT},
            "name": page.project,
            "versions": page.versions(),
            "files": [_file_entry(file) for file in sort_files(page.files)],
        }
    )


def read_page(data: bytes) -> ProjectPage:
    """Read a canonical page; raises ProtocolError unless it is, byte for byte, what `page_bytes` would write."""
    try:
        document = json.loads(data)
        if document["meta"]["_indexsite-page"] != PAGE_FORMAT:
            raise ProtocolError("The page has a format that this version does not know; update the client.")
        page = ProjectPage(normalize_name(document["name"]), tuple(_read_file_entry(e) for e in document["files"]))
        unchanged = page_bytes(page) == data
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise ProtocolError(f"The project page is malformed: {error}") from error
    if not unchanged:
        raise ProtocolError("The project page is not in canonical form.")
    return page


def page_html(page: ProjectPage) -> bytes:
    """The page as PEP 503 HTML with the attributes of PEP 592, 629, 658 and 714."""
    lines = [_html_link(file) for file in sort_files(page.files)]
    return _html_document(f"Links for {page.project}", lines)


def project_list_bytes(names: Iterable[str], *, serial: int) -> bytes:
    """The list of all projects as PEP 691 JSON; `serial` is the publication's number. Not a TUF target."""
    meta = {"api-version": API_VERSION, "_last-serial": serial}
    return canonical_json({"meta": meta, "projects": [{"name": name} for name in names]})


def project_list_html(names: Iterable[str]) -> bytes:
    """The list of all projects as PEP 503 HTML."""
    return _html_document("Projects", [f'<a href="{name}/">{name}</a><br>' for name in names])


def sort_files(files: Iterable[PageFile]) -> list[PageFile]:
    """Files as every page shows them: by version, then by name."""
    return sorted(files, key=lambda file: (_version_of(file.filename), file.filename))


def _version_of(filename: str) -> Version:
    return parse_distribution_filename(filename).version


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
    return entry


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
    )
    hashes = [file.sha256, *([file.metadata_sha256] if file.metadata_sha256 else [])]
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
    return f'<a href="{file_link(file)}#sha256={file.sha256}"{attributes}>{html.escape(file.filename)}</a><br>'


def _html_document(title: str, lines: Iterable[str]) -> bytes:
    head = f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>\n'
    version = f'<meta name="pypi:repository-version" content="{API_VERSION}">\n</head><body>\n<h1>{title}</h1>\n'
    return (head + version + "\n".join(lines) + "\n</body></html>\n").encode()


# --- TUF role names and the shape of the delegations ----------------------------------------------------------------

CLAIMED, RECENTLY_CLAIMED, UNCLAIMED = "claimed", "recently-claimed", "unclaimed"
TARGETS_DELEGATIONS = (CLAIMED, RECENTLY_CLAIMED, UNCLAIMED)  # in this order, each for "*/*", none terminating
BIN_PREFIX = "bin"
EXTENSION = "x-indexsite"  # in each signed part: {"index": id, "role": name}, and in root {"development": bool} too

_LABEL = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_BIN = re.compile(r"bin-[0-9a-f]{1,4}")


class ShapeError(ProtocolError):
    """A document that no index of ours writes: it delegates or lists what its role may not."""


def project_role(project: NormalizedName) -> str:
    """The role of a claimed project. The prefix keeps names like `root` or `snapshot` out of TUF's own."""
    return f"project-{project}"


def delegated_roles(signed: Json) -> tuple[str, ...]:
    """The names of the roles that a targets document delegates to one by one, succinct bins not counted."""
    return tuple(role["name"] for role in _delegations(signed).get("roles") or ())


def check_shape(role: str, signed: Json, *, index_id: str) -> None:
    """Raise ShapeError unless a targets document of this role, in this index, has the one shape it may have.

    The shape is DESIGN section 4: TUF leaves a repository free to delegate anything to anybody; we do not.
    """
    try:
        said = signed[EXTENSION]
        if said["index"] != index_id or said["role"] != role:
            raise ShapeError(f"The document says it is {said['role']!r} of another index or role, not {role!r}.")
        _check_targets(role, signed)
        _check_delegations(role, signed)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ShapeError(f"The document of role {role!r} is malformed: {error!r}") from error


def _delegations(signed: Json) -> Json:
    return cast(Json, signed.get("delegations") or {})


def _check_targets(role: str, signed: Json) -> None:
    paths = signed["targets"]
    _require(isinstance(paths, dict), role, "has targets that are no object")
    if _BIN.fullmatch(role):
        for path in paths:
            project, _, rest = path.partition("/")
            _require(is_normalized_name(project) and rest and "/" not in rest, role, f"lists the target {path[:80]!r}")
    elif role.startswith("project-"):
        prefix = role.removeprefix("project-").partition(".")[0] + "/"
        for path in paths:
            _require(path.startswith(prefix) and path.count("/") == 1, role, f"lists the target {path[:80]!r}")
    else:
        _require(not paths, role, "lists targets of its own")


def _check_delegations(role: str, signed: Json) -> None:
    delegations = _delegations(signed)
    roles = delegations.get("roles") or []
    if role == UNCLAIMED:
        _check_bins(delegations)
        return
    _require("succinct_roles" not in delegations, role, "delegates to succinct bins")
    _require(len({each["name"] for each in roles}) == len(roles), role, "delegates to one name twice")
    if role == "targets":
        _require(tuple(each["name"] for each in roles) == TARGETS_DELEGATIONS, role, "delegates to unexpected roles")
    elif role == CLAIMED:
        _check_prefix_order(roles)
    for each in roles:
        path, terminating = _expected_delegation(role, each["name"])
        matches = each.get("paths") == [path] and "path_hash_prefixes" not in each
        _require(matches and each["terminating"] is terminating, role, f"delegates wrongly to {each['name'][:80]!r}")


def _expected_delegation(role: str, child: str) -> tuple[str, bool]:
    """The one path pattern and the terminating flag with which `role` may delegate to `child`."""
    if role == "targets":
        return "*/*", False
    if role == CLAIMED and (prefix := _prefix_of(child)):
        return f"{prefix}*/*", False
    name = child.removeprefix("project-")
    if child.startswith("project-"):
        prefix = _prefix_of(role) if role.startswith("claimed-") else ""
        if role == RECENTLY_CLAIMED or prefix:
            _require(is_normalized_name(name) and name.startswith(prefix), role, f"delegates to {child[:80]!r}")
            return f"{name}/*", True
        owner, _, label = name.partition(".")
        if role == f"project-{owner}" and is_normalized_name(owner) and _LABEL.fullmatch(label):
            return f"{owner}/*", False
    raise ShapeError(f"The role {role!r} delegates to {child[:80]!r}, which is not its to delegate.")


def _prefix_of(role: str) -> str:
    prefix = role.removeprefix("claimed-") if role.startswith("claimed-") else ""
    return prefix if re.fullmatch(r"[a-z0-9][a-z0-9-]*", prefix) else ""


def _check_prefix_order(roles: list[Json]) -> None:
    """A longer prefix stands before each shorter one that it begins with, or it would never be asked."""
    names = [_prefix_of(each["name"]) for each in roles]
    for position, shorter in enumerate(names):
        late = [name for name in names[position + 1 :] if name.startswith(shorter)]
        _require(not late, CLAIMED, f"delegates {shorter!r} before the longer prefix {late[:1]!r}")


def _check_bins(delegations: Json) -> None:
    succinct, roles = delegations.get("succinct_roles"), delegations.get("roles") or []
    _require((succinct is None) != (not roles), UNCLAIMED, "must have succinct bins or explicit ones")
    if succinct is not None:
        fits = succinct["name_prefix"] == BIN_PREFIX and 1 <= succinct["bit_length"] <= 14
        _require(fits, UNCLAIMED, "has bins of another name or number")
    for each in roles:
        matches = _BIN.fullmatch(each["name"]) and "paths" not in each and each["terminating"] is False
        _require(bool(matches), UNCLAIMED, f"delegates wrongly to {each['name'][:80]!r}")


def _require(fact: object, role: str, fault: str) -> None:
    if not fact:
        raise ShapeError(f"The role {role!r} {fault}, which the shape of an index does not allow.")
