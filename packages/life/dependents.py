"""Which other projects of this index require what is about to go, by what their releases say of themselves."""

import re
from collections.abc import Collection

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import Version

from indexsite_client.protocol import ProtocolError, normalize_name
from packages.models import File, ReleaseDescription

_READ = 5000  # releases that mention the name and are read here, at most; the database looks through all


def dependents_of(project: str, *, losing: Collection[str] | None = None) -> list[str]:
    """The names of the other projects, sorted. One release that requires it is enough; extras' requirements count.

    `losing` are versions that go: then only who is content with one of them, and with no version that stays.

    The database looks through the requirements of every release, for a page that is seldom asked for. Where more than
    `_READ` releases mention the name, projects may be missing.
    """
    spelling = re.escape(project).replace(r"\-", "[-_.]+")
    described = ReleaseDescription.objects.filter(
        metadata__requires_dist__iregex=rf"(^|[^a-z0-9._-]){spelling}($|[^a-z0-9._-])",
        release__in=File.objects.values("release"),
    ).exclude(release__project__name=project)
    rows = list(described.values_list("release__project__name", "metadata__requires_dist")[:_READ])
    if not rows:
        return []
    going = None if losing is None else [Version(version) for version in losing]
    staying = [] if going is None else [version for version in _versions(project) if version not in going]
    return sorted({name for name, lines in rows if any(_is_left(line, project, going, staying) for line in lines)})


def _versions(project: str) -> list[Version]:
    with_files = File.objects.filter(release__project__name=project).values_list("release__version", flat=True)
    return [Version(version) for version in with_files.distinct()]


def _is_left(line: str, project: str, going: Collection[Version] | None, staying: Collection[Version]) -> bool:
    """Whether the requirement names the project and is met by what goes and by nothing that stays."""
    try:
        requirement = Requirement(line)
        if normalize_name(requirement.name) != project:
            return False
    except (InvalidRequirement, ProtocolError):
        return False
    wanted = requirement.specifier
    if any(wanted.contains(version, prereleases=True) for version in staying):
        return False
    return going is None or any(wanted.contains(version, prereleases=True) for version in going)
