"""Retention: an owner's rule by which the worker deletes pre- and dev-releases; off unless set."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet
from packaging.version import Version

from accounts.actors import Actor
from packages.life.acting import acting
from packages.life.errors import LifeError, RetentionFaultyError
from packages.life.releases import delete_releases
from packages.life.rules import Act
from packages.models import File, Project, Release, RetentionRule

_LARGEST = 100_000


@dataclass(frozen=True, slots=True)
class Retention:
    """Keep the newest so many pre- and dev-releases, or those that are at most so many days old: one of the two."""

    keep_newest: int | None = None
    max_days: int | None = None

    def __post_init__(self) -> None:
        by_number = self.keep_newest is not None and 0 <= self.keep_newest <= _LARGEST
        by_age = self.max_days is not None and 1 <= self.max_days <= _LARGEST
        if by_number == by_age or None not in {self.keep_newest, self.max_days}:
            raise RetentionFaultyError


@dataclass(frozen=True, slots=True)
class Aged:
    """A release with the moment of its first upload."""

    version: str
    created_at: datetime


def expendable(releases: Iterable[Aged], rule: Retention, *, now: datetime) -> set[str]:
    """The versions of the pre- and dev-releases that the rule does not keep. Final and post-releases always stay."""
    early = sorted((each for each in releases if Version(each.version).is_prerelease), key=_order, reverse=True)
    if rule.max_days is not None:
        limit = now - timedelta(days=rule.max_days)
        return {each.version for each in early if each.created_at < limit}
    return {each.version for each in early[rule.keep_newest :]}


def set_retention(actor: Actor, project: str, rule: Retention, *, now: datetime) -> None:
    """Set the project's rule; the worker follows it within the hour."""
    with acting(actor, Act.SET_RETENTION, project, now=now) as deed:
        values = {"keep_newest": rule.keep_newest, "max_days": rule.max_days}
        RetentionRule.objects.update_or_create(project=deed.project, defaults=values)
        deed.note("retention.set", **{name: value for name, value in values.items() if value is not None})


def clear_retention(actor: Actor, project: str, *, now: datetime) -> bool:
    """Keep everything from now on; False where nothing was set."""
    with acting(actor, Act.SET_RETENTION, project, now=now) as deed:
        cleared, _ = RetentionRule.objects.filter(project=deed.project).delete()
        if cleared:
            deed.note("retention.cleared")
        return bool(cleared)


def would_delete(project: str, rule: Retention, *, now: datetime) -> list[str]:
    """The versions that a rule would have deleted at once, the newest first. Reads only."""
    found = Project.objects.filter(name=project).first()
    gone = expendable(map(_aged, _with_files(found)), rule, now=now) if found else set[str]()
    return sorted(gone, key=Version, reverse=True)


def apply_rules(*, now: datetime) -> int:
    """Delete what the rules of all projects do not keep; returns how many releases that were. May run twice.

    A quarantined project keeps everything.
    """
    open_statuses = ("active", "archived", "deprecated")
    names = RetentionRule.objects.filter(project__status__in=open_statuses).values_list("project__name", flat=True)
    return sum(_apply_rule(name, now=now) for name in list(names))


def _apply_rule(project: str, *, now: datetime) -> int:
    try:
        with acting(None, Act.DELETE_FILES, project, now=now) as deed:
            row = RetentionRule.objects.filter(project=deed.project).first()
            if row is None:
                return 0
            rule = Retention(row.keep_newest, row.max_days)
            releases = {release.version: release for release in _with_files(deed.project)}
            gone = expendable(map(_aged, releases.values()), rule, now=now)
            if gone:
                delete_releases(deed, [releases[version] for version in sorted(gone)])
                deed.publish()
            return len(gone)
    except LifeError:  # archived, quarantined or deleted between the question and the act
        return 0


def _with_files(project: Project) -> QuerySet[Release]:
    return Release.objects.filter(pk__in=File.objects.filter(release__project=project).values("release"))


def _aged(release: Release) -> Aged:
    return Aged(release.version, release.created_at)


def _order(release: Aged) -> Version:
    return Version(release.version)
