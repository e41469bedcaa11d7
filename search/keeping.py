"""Keeping the index: what the worker does about projects that changed. A crash leaves the wishes, not half an entry."""

import logging
import time
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import DataError, transaction
from django.db.models.functions import Substr

from packages import changes, shelves
from packages.about import ReleaseAbout
from packages.changes import ChangedReading
from packages.models import Project, Release, ReleaseDescription
from packages.names import look_alike
from packages.shelves import ShelvedRelease
from search.engines import the_engine
from search.models import Classifier, Document
from search.values import Entry
from search.words import first_words

TEXT_READ = 20_000  # characters of a description
TEXT_WORDS = 1000  # different ones that are kept
CLASSIFIERS = 100
_LONGEST_CLASSIFIER = 200  # characters
_LONGEST_KEYWORDS = 2000
_AT_ONCE = 20  # projects in a transaction, which others wait for on SQLite
_SHOWN = (Project.Status.ACTIVE, Project.Status.ARCHIVED, Project.Status.DEPRECATED)
_FIELDS = ("name", "look_alike", "display_name", "version", "summary", "keywords", "status", "released_at")
log = logging.getLogger(__name__)


def keep_up(*, seconds: float = 0.5) -> int:
    """Read what changed, for about as long; returns how many projects. May run at once with itself."""
    until, count = time.monotonic() + seconds, 0
    while waiting := changes.waiting(limit=_AT_ONCE):
        _read(waiting)
        count += len(waiting)
        if time.monotonic() > until:
            break
    return count


def note_what_is_missing() -> int:
    """Have read whatever differs: projects without a document or in another status, documents without a project.

    After an upgrade, or a restored backup, which holds no documents. Returns how many that are.
    """
    known = dict(Document.objects.values_list("project_id", "status").iterator())
    published = set(changes.published_project_ids())
    statuses = dict(Project.objects.filter(status__in=_SHOWN).values_list("pk", "status").iterator())
    wanted = {pk: status for pk, status in statuses.items() if pk in published}
    differing = [pk for pk in {*known, *wanted} if known.get(pk) != wanted.get(pk)]
    changes.note(differing)
    return len(differing)


def note_everything() -> int:
    """Have every project read again, and documents of what is not there any more; returns how many."""
    ids = {*changes.published_project_ids(), *Document.objects.values_list("project_id", flat=True)}
    changes.note(ids)
    return len(ids)


def note_downloads(counts: Mapping[int, int]) -> None:
    """How often projects were downloaded in the last 30 days, by their ids; those that are not there, never."""
    known = dict(Document.objects.values_list("pk", "downloads").iterator())
    changed = [Document(pk=pk, downloads=counts.get(pk, 0)) for pk in known if known[pk] != counts.get(pk, 0)]
    for start in range(0, len(changed), _AT_ONCE):
        Document.objects.bulk_update(changed[start : start + _AT_ONCE], ["downloads"])


def _read(waiting: Sequence[ChangedReading]) -> None:
    try:
        _keep(waiting)
    except DataError:
        if len(waiting) > 1:  # one that the database does not take must not hold up the others
            for each in waiting:
                _read([each])
            return
        log.exception("Project %s cannot be kept for searches; it is left out.", waiting[0].project_id)
        changes.settle(waiting)


def _keep(waiting: Sequence[ChangedReading]) -> None:
    """Entries are made outside of the transaction that stores them, and only stored while none can be newer."""
    read = entries_of([each.project_id for each in waiting])
    engine = the_engine()
    with transaction.atomic():
        settled = set(changes.settle(waiting))
        entries = [entry for entry in read if entry.project_id in settled]
        gone = sorted(settled - {entry.project_id for entry in entries})
        _store_documents(entries)
        engine.store(entries)
        engine.remove(gone)
        Document.objects.filter(pk__in=gone).delete()


def entries_of(project_ids: Collection[int]) -> list[Entry]:
    """What is to be found of these projects, in the order of their ids; nothing of those without a published file."""
    latest: dict[int, tuple[ShelvedRelease, datetime]] = {}
    for pk, releases in shelves.published_releases(project_ids).items():
        if found := shelves.latest_of(releases):
            latest[pk] = found, max(file.uploaded_at for release in releases for file in release.files)
    described = _descriptions({pk: release.version for pk, (release, _) in latest.items()})
    projects = Project.objects.filter(pk__in=list(latest), status__in=_SHOWN).order_by("pk")
    return [_entry(project, *latest[project.pk], described.get(project.pk)) for project in projects]


def _descriptions(versions: Mapping[int, str]) -> dict[int, ReleaseDescription]:
    """What these versions of projects say of themselves, by the projects' ids; texts only as far as they are read."""
    releases = Release.objects.filter(project__in=list(versions)).values_list("pk", "project_id", "version")
    chosen = {pk: project_id for pk, project_id, version in releases if versions[project_id] == version}
    rows = ReleaseDescription.objects.filter(release__in=list(chosen)).defer("text", "html")
    return {chosen[row.release_id]: row for row in rows.annotate(beginning=Substr("text", 1, TEXT_READ))}


def _entry(project: Project, release: ShelvedRelease, newest: datetime, described: ReleaseDescription | None) -> Entry:
    metadata: Mapping[str, Any] = described.metadata if described else {}  # Any: JSON
    about = ReleaseAbout(metadata, "", "", "")
    keywords = " ".join(str(each) for each in metadata.get("keywords") or ())
    return Entry(
        project_id=project.pk,
        name=project.name,
        display_name=project.display_name,
        version=release.version,
        summary=release.summary,
        keywords=keywords[:_LONGEST_KEYWORDS],
        classifiers=_classifiers(about),
        status=project.status,
        released_at=newest,
        text=tuple(first_words(getattr(described, "beginning", ""), limit=TEXT_WORDS)),
    )


def _classifiers(about: ReleaseAbout) -> tuple[str, ...]:
    """Those that it has; a license expression (PEP 639) stands among those of licenses, which it replaces."""
    found = [each.strip() for each in about.classifiers]
    expression = str(about.metadata.get("license_expression") or "").strip()
    if expression:
        found.append(f"License :: {expression}")
    kept = [each for each in dict.fromkeys(found) if each and len(each) <= _LONGEST_CLASSIFIER]
    return tuple(kept[:CLASSIFIERS])


def _store_documents(entries: Sequence[Entry]) -> None:
    rows = [
        Document(
            project_id=each.project_id,
            name=each.name,
            look_alike=look_alike(each.name),
            display_name=each.display_name,
            version=each.version,
            summary=each.summary,
            keywords=each.keywords,
            status=each.status,
            released_at=each.released_at,
        )
        for each in entries
    ]
    Document.objects.bulk_create(rows, update_conflicts=True, unique_fields=["project"], update_fields=_FIELDS)
    _store_classifiers(entries)


def _store_classifiers(entries: Sequence[Entry]) -> None:
    """Adds and removes what differs; most often nothing does."""
    texts = sorted({classifier for each in entries for classifier in each.classifiers})
    ids = dict(Classifier.objects.filter(text__in=texts).values_list("text", "pk"))
    if missing := [text for text in texts if text not in ids]:
        Classifier.objects.bulk_create([Classifier(text=text) for text in missing], ignore_conflicts=True)
        ids = dict(Classifier.objects.filter(text__in=texts).values_list("text", "pk"))
    has = Document.classifiers.through
    wanted = {(each.project_id, ids[classifier]) for each in entries for classifier in each.classifiers}
    kept = has.objects.filter(document__in=[each.project_id for each in entries])
    known = {
        (document, classifier): pk
        for pk, document, classifier in kept.values_list("pk", "document_id", "classifier_id")
    }
    has.objects.filter(pk__in=[pk for pair, pk in known.items() if pair not in wanted]).delete()
    added = sorted(wanted - known.keys())
    has.objects.bulk_create(
        [has(document_id=document, classifier_id=classifier) for document, classifier in added], ignore_conflicts=True
    )
