"""Acts on a release that its owners do: reopening one that is too old to take new files."""

from datetime import datetime

from django.db import transaction

from accounts.callers import Caller
from accounts.errors import ProjectForbiddenError
from indexsite_client.protocol import NormalizedName
from packages import journal
from packages.models import Membership, Release


class ReleaseUnknownError(Exception):
    """There is no such release here."""

    code = "release-unknown"

    def __init__(self, project: str, version: str) -> None:
        super().__init__(
            f"There is no release {project} {version} here; look at the project's page for those there are."
        )
        self.project, self.version = project, version


def reopen_release(*, caller: Caller, project: NormalizedName, version: str, until: datetime, now: datetime) -> Release:
    """Let a release take new files until a moment, however old it is; closes it again where that moment is past.

    `version` in normal form. Raises ReleaseUnknownError, or ProjectForbiddenError where the caller is no owner.
    """
    caller.require_project(project)
    with transaction.atomic():
        release = Release.objects.select_related("project").filter(project__name=project, version=version).first()
        if release is None:
            raise ReleaseUnknownError(project, version)
        owners = Membership.objects.filter(project=release.project, role=Membership.Role.OWNER)
        if not owners.filter(user=caller.user_id).exists():
            raise ProjectForbiddenError(project, "only an owner reopens a release")
        release.reopened_until = until
        release.save(update_fields=["reopened_until"])
        details = {"version": version, "until": until.isoformat()}
        journal.entry("release.reopened", now=now, caller=caller, project=project, **details).save()
    return release
