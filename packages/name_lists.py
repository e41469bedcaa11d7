"""What new projects may be called here: by the lists of its administrators and its popular names, kept for moments."""

from collections.abc import Mapping
from dataclasses import dataclass

from accounts.recent import RecentAnswers
from packages.errors import NameRefusedError
from packages.models import ListedName, Project
from packages.names import name_fault, near_misses
from packages.policy import Policy

POPULAR_FILES, MOST_POPULAR = 5, 500  # a popular project has so many files at least, and there are so many at most
_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class NameLists:
    """The administrators' decisions by normalized name, prohibited ones with their reasons, and popular projects."""

    prohibited: Mapping[str, str]
    allowed: frozenset[str]
    popular: tuple[str, ...]


def read_name_lists() -> NameLists:
    """As the database has them now."""
    verdicts: dict[str, dict[str, str]] = {ListedName.Verdict.PROHIBITED: {}, ListedName.Verdict.ALLOWED: {}}
    for name, verdict, reason in ListedName.objects.values_list("name", "verdict", "reason"):
        verdicts[verdict][name] = reason
    popular = Project.objects.filter(stored_files__gte=POPULAR_FILES).order_by("-stored_files")
    return NameLists(
        prohibited=verdicts[ListedName.Verdict.PROHIBITED],
        allowed=frozenset(verdicts[ListedName.Verdict.ALLOWED]),
        popular=tuple(popular.values_list("name", flat=True)[:MOST_POPULAR]),
    )


_recent = RecentAnswers[NameLists](seconds=_SECONDS)


def recent_name_lists() -> NameLists:
    """As the database had them seconds ago: uploads that make projects shall not each ask."""
    return _recent.get("", read_name_lists)


def check_new_name(name: str, policy: Policy) -> tuple[str, ...]:
    """Warnings about the name of a project that is about to be made; raises NameRefusedError where it may not be."""
    lists = recent_name_lists()
    if policy.any_name or name in lists.allowed:
        return ()
    if fault := name_fault(name, prohibited=lists.prohibited, allowed=lists.allowed):
        raise NameRefusedError(fault)
    return tuple(
        f"Warning: the new project {name} is one slip of the finger from {each}, which is popular here; if that is "
        f"what you meant, ask an administrator to remove {name}."
        for each in near_misses(name, lists.popular)
    )
