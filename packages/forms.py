"""The upload form as twine, uv publish, poetry, flit, hatch and pdm fill it in: what it announces of the file."""

from dataclasses import dataclass, field
from typing import Any, cast

from django import forms
from django.utils.datastructures import MultiValueDict
from packaging.version import InvalidVersion, Version

from indexsite_client.protocol import (
    DistributionFilename,
    ProtocolError,
    normalize_name,
    parse_distribution_filename,
)
from packages.errors import FilenameFaultyError, FormFaultyError
from packages.metadata import AnnouncedMetadata
from packages.names import filename_faults
from packages.policy import LENIENT, Policy

MOST_ATTESTATIONS = 256 * 1024  # characters; those of two kinds have some 20,000
_DIGESTS = {"md5_digest": "md5", "sha256_digest": "sha256", "blake2_256_digest": "blake2_256"}


@dataclass(frozen=True, slots=True)
class AnnouncedUpload:
    """What an upload says of itself before its bytes are looked at. `digests` are hexadecimal, by algorithm."""

    named: DistributionFilename
    display_name: str
    digests: dict[str, str] = field(default_factory=dict)
    metadata: AnnouncedMetadata | None = None  # None: nothing is said that could be compared
    attestations: str = ""  # a JSON array, as it came (PEP 740)


def announced_by_name(filename: str, policy: Policy = LENIENT) -> AnnouncedUpload:
    """What a file's name alone announces; raises FilenameFaultyError."""
    named = _parse(filename)
    if faults := filename_faults(named, policy):
        raise FilenameFaultyError(*faults)
    return AnnouncedUpload(named, filename.partition("-")[0])


class UploadForm(forms.Form):
    """Shape checks only. Of the metadata, what installers act on is compared with the file; the rest is ignored."""

    name = forms.CharField(max_length=200)
    version = forms.CharField(max_length=200)
    filetype = forms.ChoiceField(choices=[("bdist_wheel", "wheel"), ("sdist", "sdist")])
    md5_digest = forms.RegexField(r"^[0-9A-Fa-f]{32}$", required=False)
    sha256_digest = forms.RegexField(r"^[0-9A-Fa-f]{64}$", required=False)
    blake2_256_digest = forms.RegexField(r"^[0-9A-Fa-f]{64}$", required=False)

    def announced(self, filename: str, policy: Policy = LENIENT) -> AnnouncedUpload:
        """The announcement, in agreement with itself; raises FormFaultyError or FilenameFaultyError."""
        if not self.is_valid():
            raise FormFaultyError(*self._faults())
        values: dict[str, Any] = self.cleaned_data  # Any: Django's type for cleaned values
        named = _parse(filename)
        faults = _disagreements(named, name=values["name"], version=values["version"])
        faults.extend(filename_faults(named, policy))
        if named.is_wheel != (values["filetype"] == "bdist_wheel"):
            faults.append(f"{filename} is not of the announced filetype {values['filetype']}.")
        if faults:
            raise FilenameFaultyError(*faults)
        digests = {algorithm: values[name] for name, algorithm in _DIGESTS.items() if values[name]}
        return AnnouncedUpload(named, values["name"], digests, self._metadata(), self._attestations())

    def _metadata(self) -> AnnouncedMetadata:
        return AnnouncedMetadata(
            requires_python="".join(self._said("requires_python")),
            requires_dist=self._said("requires_dist"),
            requires_external=self._said("requires_external"),
            provides_extra=self._said("provides_extra", "provides_extras"),  # pdm and twine before 6 say the latter
        )

    def _attestations(self) -> str:
        """Not looked into here, for they are a matter of a process of its own; only their length is bounded."""
        data = cast("MultiValueDict[str, str]", self.data)
        said = data.getlist("attestations")
        if sum(map(len, said)) > MOST_ATTESTATIONS:
            raise FormFaultyError(
                f"The attestations have more than {MOST_ATTESTATIONS} characters, more than any file's can have."
            )
        if len(said) > 1:
            raise FormFaultyError("The form has the field 'attestations' more than once; send one JSON array.")
        return "".join(said)

    def _said(self, *names: str) -> frozenset[str]:
        """The values of a field, by any of its names, without those that say nothing."""
        data = cast("MultiValueDict[str, str]", self.data)
        values = (value.strip() for name in names for value in data.getlist(name))
        return frozenset(value for value in values if value not in ("", "UNKNOWN"))

    def _faults(self) -> list[str]:
        return [
            f"The form field '{name}': {' '.join(str(fault) for fault in faults)}"
            for name, faults in self.errors.items()
        ]


def check_action(post: MultiValueDict[str, str]) -> None:
    """Raise FormFaultyError unless the form asks for the one thing that /legacy/ does."""
    if post.get(":action") != "file_upload" or post.get("protocol_version", "1") != "1":
        raise FormFaultyError(
            "Only ':action=file_upload' with 'protocol_version=1' is served here; upload with twine or uv."
        )


def _parse(filename: str) -> DistributionFilename:
    try:
        return parse_distribution_filename(filename)
    except ProtocolError as error:
        raise FilenameFaultyError(str(error)) from error


def _disagreements(named: DistributionFilename, *, name: str, version: str) -> list[str]:
    faults = []
    try:
        if normalize_name(name) != named.project:
            faults.append(f"{named.filename} is of the project {named.project}, but the form says {name!r}.")
    except ProtocolError as error:
        faults.append(str(error))
    try:
        if Version(version) != named.version:
            faults.append(f"{named.filename} is version {named.version}, but the form says {version!r}.")
    except InvalidVersion:
        faults.append(f"{version!r} is not a version; use the form of the version specifiers' specification.")
    return faults
