"""Which other projects of this index require one, by what their releases say of themselves."""

import re

from packaging.requirements import InvalidRequirement, Requirement

from indexsite_client.protocol import ProtocolError, normalize_name
from packages.models import File, ReleaseDescription

_READ = 5000  # releases that mention the name and are read here, at most; the database looks through all


def dependents_of(project: str) -> list[str]:
    """The names of the other projects, sorted. One release that requires it is enough; extras' requirements count.

    The database looks through the requirements of every release, for a page that is seldom asked for. Where more than
    `_READ` releases mention the name, projects may be missing.
    """
    spelling = re.escape(project).replace(r"\-", "[-_.]+")
    described = ReleaseDescription.objects.filter(
        metadata__requires_dist__iregex=rf"(^|[^a-z0-9._-]){spelling}($|[^a-z0-9._-])",
        release__in=File.objects.values("release"),
    ).exclude(release__project__name=project)
    rows = described.values_list("release__project__name", "metadata__requires_dist")[:_READ]
    return sorted({name for name, lines in rows if any(_required(line) == project for line in lines)})


def _required(line: str) -> str:
    try:
        return normalize_name(Requirement(line).name)
    except (InvalidRequirement, ProtocolError):
        return ""
