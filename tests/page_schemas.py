"""The simple API's forms, written from the PEPs: JSON schemas (691, 700, 714, 740, 792) and HTML (503, 592, 629)."""

import html.parser
import re
from dataclasses import dataclass, field

from jsonschema import Draft202012Validator

API_VERSION = {"type": "string", "pattern": r"^1\.[0-9]+$"}  # PEP 629: clients warn of 1.x, and refuse 2.x
NORMALIZED = {"type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$"}  # PEP 503
HASHES = {  # PEP 691: hexadecimal by lower-case name, at least one that hashlib has everywhere
    "type": "object",
    "propertyNames": {"pattern": "^[a-z0-9_]+$"},
    "additionalProperties": {"type": "string", "pattern": "^[0-9a-f]+$"},
    "properties": {"sha256": {"pattern": "^[0-9a-f]{64}$"}},
    "required": ["sha256"],
}
METADATA = {"anyOf": [{"type": "boolean"}, {**HASHES, "minProperties": 1}]}  # PEP 714


def _object(required: list[str], **properties: object) -> dict[str, object]:
    """Keys beyond the PEPs' begin with an underscore (PEP 691)."""
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "patternProperties": {"^_": True},
        "additionalProperties": False,
    }


FILE = _object(
    ["filename", "url", "hashes", "size"],  # size: PEP 700
    filename={"type": "string", "pattern": r"\.(whl|tar\.gz|zip)$"},
    url={"type": "string", "format": "uri-reference", "pattern": "^[^#]+$"},  # PEP 691: hashes are not in a fragment
    hashes=HASHES,
    size={"type": "integer", "minimum": 0},
    yanked={"anyOf": [{"type": "boolean"}, {"type": "string", "minLength": 1}]},
    **{
        "requires-python": {"type": "string", "minLength": 1},  # not escaped, unlike in HTML
        "core-metadata": METADATA,
        "dist-info-metadata": METADATA,
        "gpg-sig": {"type": "boolean"},
        "upload-time": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$"},  # PEP 700
        # PEP 740 wants it with its host, which no signed page names (ADR 18)
        "provenance": {
            "anyOf": [{"type": "null"}, {"type": "string", "pattern": r"^(https?://|\.\./\.\./integrity/)"}]
        },
    },
)
STATUS = _object(  # PEP 792
    [], status={"enum": ["active", "archived", "quarantined", "deprecated"]}, reason={"type": "string", "minLength": 1}
)
DETAIL = _object(
    ["meta", "name", "files", "versions"],
    meta=_object(["api-version"], **{"api-version": API_VERSION, "tracks": {"type": "array"}}),
    name=NORMALIZED,
    files={"type": "array", "items": FILE},
    versions={"type": "array", "items": {"type": "string"}, "uniqueItems": True},  # PEP 700
    **{"project-status": STATUS, "alternate-locations": {"type": "array"}},
)
LIST = _object(
    ["meta", "projects"],
    meta=_object(["api-version"], **{"api-version": API_VERSION}),
    projects={"type": "array", "items": _object(["name"], name={"type": "string"})},
)
DETAIL_VALIDATOR, LIST_VALIDATOR = Draft202012Validator(DETAIL), Draft202012Validator(LIST)
_LINK_ATTRIBUTES = {
    "data-requires-python",
    "data-core-metadata",
    "data-dist-info-metadata",
    "data-yanked",
    "data-gpg-sig",
}
_LINK_ATTRIBUTES |= {"href", "data-provenance"}
_HASHED = re.compile(r"sha256=[0-9a-f]{64}")


def json_faults(document: object, *, is_list: bool = False) -> list[str]:
    """What a document has against its schema, and against itself."""
    faults = [error.message for error in (LIST_VALIDATOR if is_list else DETAIL_VALIDATOR).iter_errors(document)]
    if faults or is_list:
        return faults
    assert isinstance(document, dict)
    names = [file["filename"] for file in document["files"]]
    faults += [f"{name} is listed twice" for name in set(names) if names.count(name) > 1]
    faults += [
        f"{file['filename']}: core-metadata and dist-info-metadata differ"  # PEP 714
        for file in document["files"]
        if file.get("core-metadata", False) != file.get("dist-info-metadata", False)
    ]
    if document.get("project-status", {}).get("status") == "quarantined" and names:
        faults.append("a quarantined project offers files")  # PEP 792
    return faults


@dataclass
class HtmlPage(html.parser.HTMLParser):
    """A page's declaration, meta elements and links, as a parser of HTML5 sees them."""

    declaration: str = ""
    metas: dict[str, str] = field(default_factory=dict)
    links: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    tags: set[str] = field(default_factory=set)
    _text: str | None = None

    def __post_init__(self) -> None:
        super().__init__()

    def handle_decl(self, decl: str) -> None:
        self.declaration = decl

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        self.tags.add(tag)
        if tag == "meta" and "name" in given:
            self.metas[given["name"]] = given.get("content", "")
        elif tag == "a":
            self.links.append(("", given))
            self._text = ""

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._text is not None:
            self.links[-1] = (self._text, self.links[-1][1])
            self._text = None


def html_faults(body: bytes) -> list[str]:
    """What a project's HTML page has against PEP 503, 592, 629, 658, 714 and 792."""
    page = HtmlPage()
    page.feed(body.decode())
    faults = [] if page.declaration == "DOCTYPE html" else ["it is no HTML5"]
    if not re.fullmatch(r"1\.[0-9]+", page.metas.get("pypi:repository-version", "")):
        faults.append("it names no repository version")
    if strange := page.tags - {"html", "head", "meta", "title", "body", "h1", "a", "br"}:
        faults.append(f"it has the elements {strange}")
    for text, attributes in page.links:
        path, _, fragment = attributes.get("href", "").partition("#")
        if strange := attributes.keys() - _LINK_ATTRIBUTES:
            faults.append(f"the link {text} has the attributes {strange}")
        if not path.endswith(f"/{text}".replace("+", "%2B").replace("!", "%21")):
            faults.append(f"the text {text} is not the last component of {path}")
        if not _HASHED.fullmatch(fragment):
            faults.append(f"the link {text} has no hash")
        if attributes.get("data-core-metadata") != attributes.get("data-dist-info-metadata"):
            faults.append(f"the link {text} says two things of its metadata")
        if not _HASHED.fullmatch(attributes.get("data-core-metadata", f"sha256={'0' * 64}")):
            faults.append(f"the link {text} has malformed metadata")
    return faults
