"""Bringing a restored database up to what was published after its backup: signed pages have what it lacks.

What was taken away meanwhile must not come back with the project's next publication: deleted files, quarantines, yanks.
"""

from datetime import datetime

from django.db import transaction

from indexsite_client.protocol import NormalizedName, PageFile, ProjectPage, ProjectStatus, parse_distribution_filename
from packages import journal, usage
from packages.attestations.attesting import restore_provenance
from packages.models import File, Project, Release


def restore(page: ProjectPage, *, voucher: str, now: datetime) -> int:
    """Make the project what its published page says; returns how many rows that changed.

    Owners are not in signed metadata: a project that comes back has none until an administrator names one.
    """
    known = set(
        File.every.filter(filename__in=[file.filename for file in page.files]).values_list("filename", flat=True)
    )
    missing = [file for file in page.files if file.filename not in known]
    with transaction.atomic():
        project, _ = Project.every.get_or_create(
            name=page.project,  # which was let in once, whatever it looks like
            defaults={"display_name": page.project, "created_at": now, "may_resemble": True},
        )
        for file in missing:
            _restore_file(project, file, voucher=voucher, now=now)
        changed = _restore_absence(project, page, now=now) + _restore_yanks(project, page)
        changed += _restore_status(project, str(page.status), page.status_reason, now=now)
        usage.recount(project)
    return len(missing) + changed


def restore_deletion(name: NormalizedName, *, now: datetime) -> int:
    """Delete a project that has no page any more, as it was deleted."""
    with transaction.atomic():
        project = Project.every.get(name=name)
        files = File.objects.filter(release__project=project).update(state=File.State.DELETED, voucher="")
        usage.recount(project)
        return files + _restore_status(project, Project.Status.DELETED, "", now=now)


def _restore_file(project: Project, file: PageFile, *, voucher: str, now: datetime) -> None:
    version = parse_distribution_filename(file.filename).version_text
    release, _ = Release.objects.get_or_create(project=project, version=version, defaults={"created_at": now})
    restored = File.objects.create(
        release=release,
        filename=file.filename,
        sha256=file.sha256,
        size=file.size,
        requires_python=file.requires_python,
        metadata_sha256=file.metadata_sha256,
        metadata_is_static=bool(file.metadata_sha256),
        uploaded_at=datetime.fromisoformat(file.upload_time),
        state=File.State.PUBLISHED,
        voucher=voucher,
        is_yanked=file.yanked is not None,
        yanked_reason=file.yanked or "",
    )
    if file.provenance_sha256:
        restore_provenance(restored, file.provenance_sha256)
    journal.entry("file.restored", now=now, project=project.name, filename=file.filename, sha256=file.sha256).save()


def _restore_absence(project: Project, page: ProjectPage, *, now: datetime) -> int:
    """Files that are published by the rows, and on the page no more."""
    listed = {file.filename for file in page.files}
    published = File.objects.filter(release__project=project, state=File.State.PUBLISHED)
    gone = [filename for filename in published.values_list("filename", flat=True) if filename not in listed]
    is_quarantined = page.status is ProjectStatus.QUARANTINED
    if not is_quarantined:  # any more
        withheld = File.objects.filter(release__project=project, state=File.State.WITHHELD)
        withheld.update(state=File.State.WAITING)
    state = File.State.WITHHELD if is_quarantined else File.State.DELETED
    for start in range(0, len(gone), 500):
        published.filter(filename__in=gone[start : start + 500]).update(state=state, voucher="")
    for filename in gone if not is_quarantined else ():
        journal.entry("file.deletion-restored", now=now, project=project.name, filename=filename).save()
    return len(gone)


def _restore_yanks(project: Project, page: ProjectPage) -> int:
    """By file, since pages do not tell whether the release was meant."""
    said = {file.filename: file.yanked for file in page.files}
    different = [
        file
        for file in File.objects.filter(release__project=project).select_related("release")
        if file.filename in said and file.yanked != said[file.filename]
    ]
    for file in different:
        reason = said[file.filename]
        file.is_yanked, file.yanked_reason = reason is not None, reason or ""
        file.save(update_fields=["is_yanked", "yanked_reason"])
        if reason is None and file.release.is_yanked:
            Release.objects.filter(pk=file.release.pk).update(is_yanked=False, yanked_reason="")
    return len(different)


def _restore_status(project: Project, status: str, reason: str, *, now: datetime) -> int:
    if project.status == status:
        return 0
    before = (project.status, project.status_reason) if status == Project.Status.QUARANTINED else ("", "")
    project.status, project.status_reason = status, reason
    project.status_before, project.reason_before = before
    project.save(update_fields=["status", "status_reason", "status_before", "reason_before"])
    journal.entry("project.status-restored", now=now, project=project.name, status=status).save()
    return 1
