"""Releases and files: yank, unyank (PEP 592), delete, reopen."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import QuerySet
from packaging.version import InvalidVersion, Version

from accounts.actors import Actor
from packages import journal, usage
from packages.life.acting import Deed, acting, checked_reason
from packages.life.errors import MomentFaultyError, NotThereError
from packages.life.rules import Act
from packages.models import File, JournalEntry, Project, Release

REOPENED_MOST = timedelta(days=31)


def yank_file(actor: Actor, project: str, filename: str, *, reason: str = "", now: datetime) -> bool:
    """Have installers pass over a file unless it is pinned; False where it is so already."""
    with acting(actor, Act.YANK, project, now=now) as deed:
        return _set_yank(deed, _file(deed.project, filename), yanked=True, reason=checked_reason(reason))


def unyank_file(actor: Actor, project: str, filename: str, *, now: datetime) -> bool:
    """Take back that a file by itself is yanked; False where it is not. A yank of its release stays."""
    with acting(actor, Act.UNYANK, project, now=now) as deed:
        return _set_yank(deed, _file(deed.project, filename), yanked=False)


def yank_release(actor: Actor, project: str, version: str, *, reason: str = "", now: datetime) -> bool:
    """Yank a release with each of its files, those to come included; False where it is so already."""
    with acting(actor, Act.YANK, project, now=now) as deed:
        return _set_yank(deed, _release(deed.project, version), yanked=True, reason=checked_reason(reason))


def unyank_release(actor: Actor, project: str, version: str, *, now: datetime) -> bool:
    """Take that back; False where it is not yanked. Files that were yanked by themselves stay so."""
    with acting(actor, Act.UNYANK, project, now=now) as deed:
        return _set_yank(deed, _release(deed.project, version), yanked=False)


def delete_file(actor: Actor, project: str, filename: str, *, now: datetime) -> None:
    """Delete a file for good: no file ever has its name again."""
    with acting(actor, Act.DELETE_FILES, project, now=now) as deed:
        delete_files(deed, File.objects.filter(pk=_file(deed.project, filename).pk))
        deed.publish()


def delete_release(actor: Actor, project: str, version: str, *, now: datetime) -> None:
    """Delete all files of a release for good; new ones, of other names, may come."""
    with acting(actor, Act.DELETE_FILES, project, now=now) as deed:
        delete_releases(deed, [_release(deed.project, version)])
        deed.publish()


def reopen_release(actor: Actor, project: str, version: str, *, until: datetime, now: datetime) -> None:
    """Let a release take new files until a moment, however old it is; a moment that is past closes it again.

    Raises MomentFaultyError where the moment is further away than REOPENED_MOST.
    """
    with acting(actor, Act.REOPEN, project, now=now) as deed:
        if until - now > REOPENED_MOST:
            days = REOPENED_MOST.days
            raise MomentFaultyError(f"A release is reopened for {days} days at most; give an earlier moment.")
        release = _release(deed.project, version)
        release.reopened_until = until
        release.save(update_fields=["reopened_until"])
        deed.note("release.reopened", version=release.version, until=until.isoformat())


def delete_releases(deed: Deed, releases: Iterable[Release]) -> None:
    """Delete them, as part of a deed that publishes."""
    for release in releases:
        count = delete_files(deed, File.objects.filter(release=release))
        Release.objects.filter(pk=release.pk).update(is_yanked=False, yanked_reason="")
        deed.note("release.deleted", version=release.version, files=count)


def delete_files(deed: Deed, files: QuerySet[File]) -> int:
    """Delete them, as part of a deed; each is in the journal with its hash."""
    gone = list(files.select_related("release"))
    usage.take_off(gone)
    name, now = deed.project.name, deed.now
    JournalEntry.objects.bulk_create(
        journal.entry(
            "file.deleted", now=now, caller=deed.actor, project=name, filename=file.filename, sha256=file.sha256
        )
        for file in gone
    )
    files.update(state=File.State.DELETED, voucher="")
    described_by_them = {file.release_id for file in gone}  # perhaps: another file speaks for the release now
    Release.objects.filter(pk__in=described_by_them).update(describe_at=deed.now, describe_tries=0)
    return len(gone)


def _set_yank(deed: Deed, row: File | Release, *, yanked: bool, reason: str = "") -> bool:
    if (row.is_yanked, row.yanked_reason) == (yanked, reason):
        return False
    row.is_yanked, row.yanked_reason = yanked, reason
    row.save(update_fields=["is_yanked", "yanked_reason"])
    what = {"filename": row.filename} if isinstance(row, File) else {"version": row.version}
    kind = "file" if isinstance(row, File) else "release"
    deed.note(f"{kind}.yanked" if yanked else f"{kind}.unyanked", **what, **({"reason": reason} if reason else {}))
    deed.publish()
    return True


def _file(project: Project, filename: str) -> File:
    found = File.objects.filter(release__project=project, filename=filename).first()
    if found is None:
        raise NotThereError(f"The project {project} has no file {filename[:255]}.")
    return found


def _release(project: Project, version: str) -> Release:
    """Of any spelling of the version, its own before an equal one's (1.0, 1.0.0); one without files is none."""
    try:
        wanted = Version(version)
    except InvalidVersion as error:
        raise NotThereError(f"{version[:200]!r} is no version.") from error
    with_files = File.objects.filter(release__project=project).values("release")
    releases = [each for each in Release.objects.filter(pk__in=with_files) if Version(each.version) == wanted]
    if not releases:
        raise NotThereError(f"The project {project} has no release {wanted}.")
    return min(releases, key=lambda each: each.version != str(wanted))
