"""The rules for single fields of core metadata, each a function that names what is wrong. Pure.

Metadata before 2.1 was written by tools that nobody mends any more: of it only what installers act on must be right.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.utils import getaddresses
from functools import lru_cache
from typing import Any, cast

from packaging.metadata import InvalidMetadata, Metadata, RawMetadata
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from trove_classifiers import classifiers as known_classifiers
from trove_classifiers import deprecated_classifiers

from indexsite_client.protocol import DistributionFilename
from packages.policy import Policy
from packages.web_addresses import is_web_address

KNOWN_VERSIONS = ("1.0", "1.1", "1.2", "2.0", "2.1", "2.2", "2.3", "2.4", "2.5", "2.6")
_OLD = frozenset({"1.0", "1.1", "1.2", "2.0"})
_BEFORE_LICENSE_FILES = _OLD | {"2.1", "2.2", "2.3"}
MAX_FIELD = 500  # characters of a version, a specifier, an address
_MAX_REQUIREMENT, _MAX_LICENSE, _MAX_ADDRESSES = 2000, 2000, 10_000
MAX_SUMMARY, _MAX_LABEL = 512, 32
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_EMAIL = re.compile(r"[^@\s<>()\[\],;:\\\"]{1,64}@[^@\s<>()\[\],;:\\\"]{1,253}")
_UNKNOWN = "UNKNOWN"  # what old setuptools write for a field that is not set
_CLASSIFIERS = frozenset(known_classifiers)
_TEXT = frozenset({"author", "description", "keywords", "license", "maintainer", "platform", "summary"})
_KNOWN_HEADERS = _TEXT | {
    "author-email",
    "classifier",
    "description-content-type",
    "download-url",
    "dynamic",
    "home-page",
    "license-expression",
    "license-file",
    "maintainer-email",
    "metadata-version",
    "name",
    "project-url",
    "provides-extra",
    "requires-dist",
    "requires-external",
    "requires-python",
    "version",
}


@dataclass(frozen=True, slots=True)
class Subject:
    """Parsed metadata that is held against the rules; `unparsed` are headers that say nothing, or too much."""

    named: DistributionFilename
    raw: RawMetadata
    unparsed: dict[str, list[str]]
    policy: Policy

    @property
    def is_old(self) -> bool:
        """Whether tools wrote it that nobody mends any more."""
        return given(self.raw, "metadata_version") in _OLD

    @property
    def has_license_files(self) -> bool:
        """Whether License-File has the meaning of PEP 639; setuptools wrote another one before."""
        return given(self.raw, "metadata_version") not in _BEFORE_LICENSE_FILES


def given(raw: RawMetadata, key: str) -> str:
    """A field of one value, empty where it is not set."""
    value = str(cast(dict[str, Any], raw).get(key) or "").strip()  # Any: the values of a TypedDict
    return "" if value == _UNKNOWN else value


def listed(raw: RawMetadata, key: str) -> tuple[str, ...]:
    """A field of several values, without those that are not set."""
    values = (str(value).strip() for value in cast(dict[str, Any], raw).get(key) or ())  # Any: as above
    return tuple(value for value in values if value not in ("", _UNKNOWN))


@lru_cache(maxsize=1024)  # the wheels of a release have the same ones
def parse_requirement(text: str) -> Requirement:
    """A dependency specifier; raises ValueError (packaging's, or about its length and depth)."""
    if len(text) > _MAX_REQUIREMENT or CONTROL.search(text):
        raise ValueError(f"it is longer than {_MAX_REQUIREMENT} characters, or has control characters")
    try:
        return Requirement(text)
    except RecursionError:
        raise ValueError("its parentheses are nested too deeply") from None


def rule_faults(subject: Subject) -> Iterator[str]:
    """Everything that is wrong with what tools act on, the gravest first."""
    for rule in _RULES:
        yield from rule(subject)


def display_faults(subject: Subject) -> Iterator[str]:
    """Everything that is wrong with what people are shown."""
    for rule in _DISPLAY_RULES:
        yield from rule(subject)


def _metadata_version(subject: Subject) -> Iterator[str]:
    version, filename = given(subject.raw, "metadata_version"), subject.named.filename
    if not version:
        yield f"The metadata in {filename} has no Metadata-Version; build the distribution again."
    elif version not in KNOWN_VERSIONS:
        yield (
            f"Metadata-Version {version[:20]!r} of {filename} is not known here; build it with tools that write "
            f"{KNOWN_VERSIONS[-1]} or lower, or have this index updated."
        )


def _said_once(subject: Subject) -> Iterator[str]:
    for header in sorted(subject.unparsed.keys() & _KNOWN_HEADERS):
        if not (subject.is_old and header in _TEXT):
            yield f"{header.title()} in {subject.named.filename} is given more than once, or is not UTF-8; mend it."


def _requires_python(subject: Subject) -> Iterator[str]:
    text, filename = given(subject.raw, "requires_python"), subject.named.filename
    if len(text) > MAX_FIELD or CONTROL.search(text):
        yield f"Requires-Python in {filename} has control characters, or more than {MAX_FIELD} characters."
        return
    try:
        SpecifierSet(text)
    except InvalidSpecifier:
        yield f"Requires-Python in {filename} is no version specifier: {text[:80]!r}; use the like of '>=3.9'."


def _requires_dist(subject: Subject) -> Iterator[str]:
    filename = subject.named.filename
    for text in listed(subject.raw, "requires_dist"):
        try:
            requirement = parse_requirement(text)
        except InvalidRequirement:
            yield f"Requires-Dist in {filename} is no dependency specifier: {text[:80]!r}."
        except ValueError as error:
            yield f"Requires-Dist in {filename} cannot be read, for {error}: {text[:80]!r}."
        else:
            if requirement.url and subject.policy.pypi:
                yield f"{filename} depends on an address ({text[:80]!r}); depend on a name and a version instead."


def _checked_by_packaging(subject: Subject) -> Iterator[str]:
    """Fields of a closed form, in all but old metadata."""
    raw, fields = subject.raw, ["provides_extra", "dynamic", "license_expression"]
    if subject.has_license_files:
        fields.append("license_files")
    if subject.policy.pypi:
        fields.append("description_content_type")
    if len(raw.get("license_expression", "")) > _MAX_LICENSE:
        yield f"License-Expression in {subject.named.filename} has more than {_MAX_LICENSE} characters."
        fields.remove("license_expression")
    for name in fields if not subject.is_old else ():
        if value := cast(dict[str, Any], raw).get(name):  # Any: the values of a TypedDict
            values = tuple(value) if isinstance(value, list) else value
            is_long = (
                sum(map(len, values)) > _MAX_REQUIREMENT
            )  # then it is not kept: hostile values must not fill memory
            fault = _packaging_fault.__wrapped__(name, values) if is_long else _packaging_fault(name, values)
            if fault:
                yield f"The metadata in {subject.named.filename} is not valid: {fault}."


@lru_cache(maxsize=512)  # as with requirements
def _packaging_fault(name: str, value: tuple[str, ...] | str) -> str:
    """What `packaging` finds wrong with the value of a field; empty where nothing is."""
    raw = {name: list(value) if isinstance(value, tuple) else value}
    try:
        getattr(Metadata.from_raw(cast(RawMetadata, raw), validate=False), name)
    except InvalidMetadata as error:
        return str(error)[:MAX_FIELD]
    return ""


def _addresses(subject: Subject) -> Iterator[str]:
    """What becomes a link must be a link of the web, with a label that fits its place."""
    if subject.is_old:
        return
    filename = subject.named.filename
    for header, key in (("Home-page", "home_page"), ("Download-URL", "download_url")):
        address = given(subject.raw, key)
        if address and not is_web_address(address):
            yield f"{header} in {filename} is no http or https address: {address[:80]!r}."
    for label, address in subject.raw.get("project_urls", {}).items():
        if not 0 < len(label) <= _MAX_LABEL or CONTROL.search(label):
            yield f"Project-URL in {filename} needs a label of at most {_MAX_LABEL} characters: {label[:80]!r}."
        if not is_web_address(address):
            yield f"Project-URL {label[:80]!r} in {filename} is no http or https address: {address[:80]!r}."


def _summary(subject: Subject) -> Iterator[str]:
    text = given(subject.raw, "summary")
    if subject.is_old:
        return
    if len(text) > MAX_SUMMARY or len(text.splitlines()) > 1:
        yield f"Summary in {subject.named.filename} must be one line of at most {MAX_SUMMARY} characters."


def _emails(subject: Subject) -> Iterator[str]:
    if subject.is_old:
        return
    for header, key in (("Author-email", "author_email"), ("Maintainer-email", "maintainer_email")):
        text = given(subject.raw, key)
        if not text:
            continue
        if len(text) > _MAX_ADDRESSES:
            yield f"{header} in {subject.named.filename} has more than {_MAX_ADDRESSES} characters."
        elif bad := _no_address(text):
            yield f"{header} in {subject.named.filename} has no e-mail address in {bad!r}."


@lru_cache(maxsize=512)
def _no_address(text: str) -> str:
    """The first part of an e-mail header that is no address; empty where all are."""
    bad = (address or text for _, address in getaddresses([text]) if not _EMAIL.fullmatch(address))
    return next(bad, "")[:80]


def _classifiers(subject: Subject) -> Iterator[str]:
    for text in listed(subject.raw, "classifiers"):
        if text in _CLASSIFIERS:
            continue
        if text in deprecated_classifiers:
            if subject.policy.pypi:
                instead = " or ".join(map(repr, deprecated_classifiers[text])) or "nothing"
                yield f"The classifier {text!r} is deprecated; use {instead} instead."
        elif subject.policy.pypi or not text.startswith("Private ::") or CONTROL.search(text):
            yield (
                f"{text[:80]!r} in {subject.named.filename} is no known classifier; see the list of trove classifiers, "
                f"or, on a private index, begin it with 'Private ::'."
            )


_RULES: tuple[Callable[[Subject], Iterator[str]], ...] = (
    _metadata_version,
    _said_once,
    _requires_python,
    _requires_dist,
    _checked_by_packaging,
)
_DISPLAY_RULES: tuple[Callable[[Subject], Iterator[str]], ...] = (_addresses, _summary, _emails, _classifiers)
