"""What is offered on a release's page: yank, reopen and delete it, and the same for each of its files."""

from collections.abc import Iterator
from datetime import datetime
from functools import partial

from django.urls import reverse

from packages.life import releases
from packages.life.rules import Act
from packages.manage.forms import ConfirmForm, ReasonForm, ReopenForm
from packages.manage.offers import Offer
from packages.models import File, Project, Release

SOON = "Installers see that with the next publication, usually within a second."
OF_RELEASE, OF_FILE = ("yank", "unyank", "reopen", "delete"), ("yank-file", "unyank-file", "delete-file")


def release_offers(
    project: Project, release: Release, *, files: int, is_closed: bool, now: datetime
) -> Iterator[Offer]:
    """Of the release as a whole; `is_closed` where its age alone keeps new files out."""
    name, version = project.name, release.version
    yield Offer(
        key="yank",
        act=Act.YANK,
        title="Yank",
        said=f"Installers pass over {version} with all its files, unless somebody asks for exactly this version. "
        "Nothing is lost, and you can take it back.",
        button="Yank this release",
        done=f"{version} is yanked. {SOON}",
        do=lambda actor, values, now: releases.yank_release(actor, name, version, reason=values["reason"], now=now),
        form=ReasonForm,
        makes_sense=not release.is_yanked,
    )
    yield Offer(
        key="unyank",
        act=Act.UNYANK,
        title="Take the yank back",
        said=f"Installers choose {version} again. Files that are yanked by themselves stay so.",
        button="Unyank this release",
        done=f"{version} is no longer yanked. {SOON}",
        do=lambda actor, values, now: releases.unyank_release(actor, name, version, now=now),
        makes_sense=release.is_yanked,
    )
    yield Offer(
        key="reopen",
        act=Act.REOPEN,
        title="Reopen",
        said=f"{version} is too old to take new files. Let it take some, for as long as you need.",
        button="Reopen this release",
        done=f"{version} takes new files again, for a while.",
        do=lambda actor, values, now: releases.reopen_release(
            actor, name, version, until=now + ReopenForm.duration_of(values), now=now
        ),
        form=ReopenForm,
        makes_sense=is_closed and (release.reopened_until is None or release.reopened_until < now),
    )
    yield Offer(
        key="delete",
        act=Act.DELETE_FILES,
        title="Delete",
        said=f"{_counted(files)} of {version} {'is' if files == 1 else 'are'} gone for good: whoever has pinned "
        f"{version} can no longer install it, and no file ever has {'this name' if files == 1 else 'these names'} "
        "again. To warn people off a release, yank it instead.",
        button="Delete this release for good",
        done=f"{version} is deleted. It will be gone from the index’s pages with the next publication, usually within "
        "a second.",
        do=lambda actor, values, now: releases.delete_release(actor, name, version, now=now),
        form=partial(ConfirmForm, project=name),
        to=reverse("manage-project", args=[name]),
        is_grave=True,
    )


def file_offers(project: Project, file: File, *, is_last: bool) -> Iterator[Offer]:
    """Of one file; `is_last` where its release has no other."""
    name, filename = project.name, file.filename
    yield Offer(
        key="yank-file",
        act=Act.YANK,
        target=filename,
        title="Yank",
        said="Installers pass over this file, unless it is pinned by its hash or is all there is of a pinned version.",
        button="Yank this file",
        done=f"{filename} is yanked. {SOON}",
        do=lambda actor, values, now: releases.yank_file(actor, name, filename, reason=values["reason"], now=now),
        form=ReasonForm,
        makes_sense=not file.is_yanked,
    )
    yield Offer(
        key="unyank-file",
        act=Act.UNYANK,
        target=filename,
        title="Unyank",
        said="Installers choose this file again, unless its release is yanked.",
        button="Unyank this file",
        done=f"{filename} is no longer yanked by itself. {SOON}",
        do=lambda actor, values, now: releases.unyank_file(actor, name, filename, now=now),
        makes_sense=file.is_yanked,
    )
    yield Offer(
        key="delete-file",
        act=Act.DELETE_FILES,
        target=filename,
        title="Delete",
        said="This file is gone for good: whoever has pinned it can no longer install it, and no other file ever has "
        "its name. To mend something, raise the version.",
        button="Delete this file for good",
        done=f"{filename} is deleted. It will be gone from the index’s pages with the next publication, usually within "
        "a second.",
        do=lambda actor, values, now: releases.delete_file(actor, name, filename, now=now),
        form=partial(ConfirmForm, project=name),
        to=reverse("manage-project", args=[name]) if is_last else "",
        is_grave=True,
    )


def _counted(files: int) -> str:
    return "The only file" if files == 1 else f"The {files} files"
