"""Core metadata (METADATA, PKG-INFO): read from the file, checked, and compared with the upload form. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from packaging.metadata import parse_email
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from indexsite_client.protocol import DistributionFilename, ProtocolError, normalize_name
from packages.errors import MOST_FAULTS, MetadataFaultyError
from packages.metadata_rules import (
    CONTROL,
    MAX_FIELD,
    MAX_SUMMARY,
    Subject,
    display_faults,
    given,
    listed,
    parse_requirement,
    rule_faults,
)
from packages.policy import LENIENT, Policy
from packages.static_metadata import is_static

MAX_HEADER, MAX_HEADER_LINES, MAX_HEADER_NAMES = 1024 * 1024, 10_000, 100  # bytes, lines, distinct names
_LONGEST_FAULT = 500


@dataclass(frozen=True, slots=True)
class CoreMetadata:
    """What an upload is acted on by of METADATA or PKG-INFO; `content` are its bytes as they lie in the archive.

    `license_files` are those of PEP 639 (2.4), relative to `.dist-info/licenses` or to an sdist's folder. What else
    there is to show of a release is read out of `content` after its publication.
    """

    name: str
    version: Version
    requires_python: str
    summary: str
    content: bytes
    license_files: tuple[str, ...] = ()
    is_static: bool = False  # an sdist's is true of every wheel built of it; a wheel's is in any case
    notes: tuple[str, ...] = ()  # sentences about what an import was forgiven


@dataclass(frozen=True, slots=True)
class AnnouncedMetadata:
    """What an upload form says of the metadata in its file, as it came; empty where it says nothing."""

    requires_python: str = ""
    requires_dist: frozenset[str] = field(default_factory=frozenset)
    requires_external: frozenset[str] = field(default_factory=frozenset)
    provides_extra: frozenset[str] = field(default_factory=frozenset)


def read_core_metadata(
    content: bytes,
    named: DistributionFilename,
    *,
    announced: AnnouncedMetadata | None = None,
    policy: Policy = LENIENT,
) -> CoreMetadata:
    """Parse METADATA or PKG-INFO and hold it against the rules, the file's name, and the form where there is one.

    Raises MetadataFaultyError with every fault, up to a number that a person can read. The work done is bounded.
    """
    _bound_headers(content, named.filename)
    raw, unparsed = parse_email(content)
    subject = Subject(named, raw, unparsed, policy)
    faults, shown = [*_identity_faults(subject), *rule_faults(subject)], list(display_faults(subject))
    if not policy.imported:
        faults, shown = [*faults, *shown], []
    if announced is not None:
        faults.extend(_disagreements(subject, announced))
    if faults:
        raise MetadataFaultyError(*_readable(faults))
    return _core_metadata(subject, content, notes=_readable(shown))


def _bound_headers(content: bytes, filename: str) -> None:
    """Refuse what would keep the parser busy: it compares each header's name with every other's."""
    header, _, _ = content.replace(b"\r\n", b"\n").partition(b"\n\n")
    lines = header.split(b"\n", MAX_HEADER_LINES)
    names = {line.partition(b":")[0].lower() for line in lines if not line.startswith((b" ", b"\t"))}
    if len(header) > MAX_HEADER or len(lines) > MAX_HEADER_LINES or len(names) > MAX_HEADER_NAMES:
        raise MetadataFaultyError(f"The metadata in {filename} has more headers than any distribution needs.")


def _identity_faults(subject: Subject) -> Iterator[str]:
    """Name and version: of a form that an index understands, and those of the file's name."""
    named, raw = subject.named, subject.raw
    name = given(raw, "name")
    try:
        if normalize_name(name) != named.project:
            yield f"{named.filename} is of {named.project}, but the metadata in it names {name[:80]!r}."
    except ProtocolError:
        yield f"The metadata in {named.filename} has no valid Name; build the distribution again."
    try:
        version = Version(given(raw, "version")[:MAX_FIELD])
        if version != named.version:
            yield f"{named.filename} is version {named.version}, but the metadata in it says {version}."
    except InvalidVersion:
        yield f"The metadata in {named.filename} has no valid Version; build the distribution again."


def _disagreements(subject: Subject, announced: AnnouncedMetadata) -> Iterator[str]:
    """Where the form says something else than the file: people would be shown one thing, installers given another."""
    raw, filename = subject.raw, subject.named.filename
    if not _same_specifiers(given(raw, "requires_python"), announced.requires_python):
        said = announced.requires_python[:80] or "nothing"
        yield f"Requires-Python in {filename} is {given(raw, 'requires_python')[:80]!r}, but the form says {said!r}."
    if not _same_requirements(frozenset(listed(raw, "requires_dist")), announced.requires_dist):
        yield _set_disagreement("Requires-Dist", filename, listed(raw, "requires_dist"), announced.requires_dist)
    if frozenset(listed(raw, "requires_external")) != announced.requires_external:
        external = listed(raw, "requires_external")
        yield _set_disagreement("Requires-External", filename, external, announced.requires_external)
    extras = {_normalized(each) for each in listed(raw, "provides_extra")}
    # poetry before 2 and uv before 0.5 never name extras, so that silence about them says nothing
    if announced.provides_extra and extras != {_normalized(each) for each in announced.provides_extra}:
        yield _set_disagreement("Provides-Extra", filename, listed(raw, "provides_extra"), announced.provides_extra)


def _set_disagreement(header: str, filename: str, of_file: tuple[str, ...], of_form: frozenset[str]) -> str:
    missing, added = sorted(set(of_file) - of_form), sorted(of_form - set(of_file))
    parts = [
        f"{words} {', '.join(map(repr, values[:3]))}{' and more' if len(values) > 3 else ''}"
        for words, values in (("the form lacks", missing), ("only the form has", added))
        if values
    ]
    said = "; ".join(parts) or "they differ"
    return f"{header} of the form and of {filename} disagree: {said}; upload the file as it was built."


def _same_specifiers(one: str, other: str) -> bool:
    if one == other:
        return True
    try:
        return SpecifierSet(one[: MAX_FIELD + 1]) == SpecifierSet(other[: MAX_FIELD + 1])
    except InvalidSpecifier:
        return False


def _same_requirements(of_file: frozenset[str], of_form: frozenset[str]) -> bool:
    if of_file == of_form:  # so it is with nearly every client, and needs no parsing
        return True
    try:
        return {parse_requirement(each) for each in of_file} == {parse_requirement(each) for each in of_form}
    except ValueError:
        return False


def _normalized(extra: str) -> str:
    try:
        return normalize_name(extra)
    except ProtocolError:
        return extra


def _readable(faults: list[str]) -> list[str]:
    shown = [CONTROL.sub(" ", fault)[:_LONGEST_FAULT] for fault in faults[:MOST_FAULTS]]
    if len(faults) > MOST_FAULTS:
        shown.append(f"There are {len(faults) - MOST_FAULTS} more faults.")
    return shown


def _core_metadata(subject: Subject, content: bytes, *, notes: list[str]) -> CoreMetadata:
    """The values that the rules let through; none has a control character."""
    raw = subject.raw
    return CoreMetadata(
        name=given(raw, "name"),
        version=subject.named.version,
        requires_python=given(raw, "requires_python"),
        summary=CONTROL.sub(" ", given(raw, "summary"))[:MAX_SUMMARY],
        content=content,
        license_files=listed(raw, "license_files") if subject.has_license_files else (),
        is_static=is_static(raw, subject.unparsed),
        notes=tuple(notes),
    )
