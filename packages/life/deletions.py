"""What would go with a release or a file that is deleted, told to those who may delete it."""

from datetime import datetime

from django.db.models import QuerySet

from accounts.actors import Actor
from indexsite_client.protocol import NormalizedName
from packages.catalogue import find_file, find_project, find_release
from packages.life.acting import acting
from packages.life.projects import Deletion
from packages.life.rules import Act
from packages.models import File


def deletion_of_release(actor: Actor, project: NormalizedName, version: str, *, now: datetime) -> Deletion:
    """What `delete_release` would take away; raises what it would raise."""
    with acting(actor, Act.DELETE_FILES, project, now=now):
        found = find_release(find_project(project), version, every_file=True)
        files = File.objects.filter(release__project__name=project, release__version=found.version)
        return _deletion(project, (found.version,), files)


def deletion_of_file(actor: Actor, project: NormalizedName, filename: str, *, now: datetime) -> Deletion:
    """What `delete_file` would take away: its release too, where it is the last file; raises what it would raise."""
    with acting(actor, Act.DELETE_FILES, project, now=now):
        found = find_file(find_project(project), filename, every_file=True)
        others = File.objects.filter(release__project__name=project, release__version=found.version)
        is_last = not others.exclude(filename=found.filename).exists()
        files = File.objects.filter(filename=found.filename)
        return _deletion(project, (found.version,) if is_last else (), files)


def _deletion(project: str, releases: tuple[str, ...], files: QuerySet[File]) -> Deletion:
    named = dict(files.order_by("filename").values_list("filename", "size"))
    return Deletion(project, releases, tuple(named), sum(named.values()), members=(), invitations=0)
