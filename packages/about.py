"""What a release says of itself, as the pages and the JSON API show it. It is the uploader's word, and hostile."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from indexsite_client.protocol import NormalizedName
from packages.models import ReleaseDescription
from packages.web_addresses import is_web_address

_SHOWN = 100  # links and classifiers
_LICENSE_LINE = 100  # characters; some put the whole text of the license into the field


@dataclass(frozen=True, slots=True)
class ProjectLink:
    """One of the project URLs, http or https."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class ClassifierGroup:
    """Classifiers under one head; each without it."""

    head: str
    classifiers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReleaseAbout:
    """What a release says of itself. `html` is sanitised; `fault` says why it is missing or plain."""

    metadata: Mapping[str, Any]  # Any: the values of packaging's RawMetadata, from JSON
    text: str
    html: str
    fault: str

    @property
    def license(self) -> str:
        """In a line: the expression, else the field where it is that short, else what classifiers say."""
        line = str(self.metadata.get("license_expression") or self.metadata.get("license") or "").strip()
        if line and "\n" not in line and len(line) <= _LICENSE_LINE:
            return line
        licenses = [each.rpartition(" :: ")[2] for each in self.classifiers if each.startswith("License :: ")]
        return ", ".join(licenses)

    @property
    def classifiers(self) -> tuple[str, ...]:
        return tuple(self.metadata.get("classifiers") or ())

    @property
    def classifier_groups(self) -> tuple[ClassifierGroup, ...]:
        """By their first part, as far as a page shows them."""
        groups: dict[str, list[str]] = {}
        for classifier in self.classifiers[:_SHOWN]:
            head, _, rest = classifier.partition(" :: ")
            groups.setdefault(head, []).append(rest or head)
        return tuple(ClassifierGroup(head, tuple(each)) for head, each in groups.items())

    @property
    def links(self) -> tuple[ProjectLink, ...]:
        """The project URLs that lead to a web page, the home page among them, each address once."""
        named = {"Homepage": self.metadata.get("home_page") or "", **self.project_urls}
        found: dict[str, ProjectLink] = {}
        for label, url in named.items():
            if is_web_address(url):
                found.setdefault(url, ProjectLink(label, url))
        return tuple(found.values())[:_SHOWN]

    @property
    def project_urls(self) -> dict[str, str]:
        """Those that lead to a web page, by label."""
        urls: dict[str, str] = self.metadata.get("project_urls") or {}
        return {label: url for label, url in urls.items() if is_web_address(url)}


def about_release(project: NormalizedName, version: str, *, with_text: bool = False) -> ReleaseAbout | None:
    """What this release says of itself, None where it is not described yet. `version` in normal form."""
    rows = ReleaseDescription.objects.filter(release__project__name=project, release__version=version)
    found = (rows.defer("html") if with_text else rows.defer("text")).first()
    if found is None:
        return None
    text, html = (found.text, "") if with_text else ("", found.html)
    return ReleaseAbout(found.metadata, text, html, found.fault)
