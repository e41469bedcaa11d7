"""Every act on a project, a release or a file that is one POST: a table of thin views over `packages.life`."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actors import Actor
from api.documented import Shape, documented
from api.projects import project_name
from api.view import ApiView, Values, read_body, writing
from packages.life import members, projects, releases
from packages.models import REASON

Do = Callable[[Actor, str, Values, datetime], bool | None]


class DoneSerializer(serializers.Serializer[Any]):  # Any: plain values
    """An act that is done; what changes a page is signed within seconds. `changed` is false where it was so already."""

    changed = serializers.BooleanField()


class EmptySerializer(serializers.Serializer[Any]):
    """Nothing to say."""


class ReasonSerializer(serializers.Serializer[Any]):
    """Why; installers show it."""

    reason = serializers.CharField(max_length=REASON, allow_blank=True, default="", help_text="one line of plain text")


class UntilSerializer(serializers.Serializer[Any]):
    """Until when."""

    until = serializers.DateTimeField(help_text="a moment that is past closes the release again")


def act_view(operation: str, sentence: str, do: Do, takes: Shape = EmptySerializer) -> type[ApiView]:
    """A view that does an act; `do` gets the actor, the project, body and address in one, and the moment."""

    def post(self: ApiView, request: Request, name: str = "", **address: str) -> Response:
        actor, now = writing(request)
        said = read_body(request, takes)
        changed = do(actor, project_name(name), {**said, **address}, now)
        return Response({"changed": changed is not False})

    post.__doc__ = sentence
    described = documented(
        operation, tag="acts", takes=None if takes is EmptySerializer else takes, answers=DoneSerializer
    )
    return type(operation, (ApiView,), {"post": described(post), "__doc__": sentence, "__module__": __name__})


PROJECT_ACTS = {
    "archive": act_view(
        "archive_project",
        "Take no more uploads; what is there stays.",
        lambda actor, name, said, now: projects.archive_project(actor, name, reason=said["reason"], now=now),
        ReasonSerializer,
    ),
    "unarchive": act_view(
        "unarchive_project",
        "Take uploads again.",
        lambda actor, name, said, now: projects.unarchive_project(actor, name, now=now),
    ),
    "deprecate": act_view(
        "deprecate_project",
        "Tell installers that a project is obsolete.",
        lambda actor, name, said, now: projects.deprecate_project(actor, name, reason=said["reason"], now=now),
        ReasonSerializer,
    ),
    "undeprecate": act_view(
        "undeprecate_project",
        "Take that back.",
        lambda actor, name, said, now: projects.undeprecate_project(actor, name, now=now),
    ),
    "quarantine": act_view(
        "quarantine_project",
        "Have no file of a project listed or served, and keep the bytes. For administrators.",
        lambda actor, name, said, now: projects.quarantine_project(actor, name, reason=said["reason"], now=now),
        ReasonSerializer,
    ),
    "lift-quarantine": act_view(
        "lift_quarantine",
        "Make a project what it was before its quarantine. For administrators.",
        lambda actor, name, said, now: projects.lift_quarantine(actor, name, now=now),
    ),
    "restore": act_view(
        "restore_project",
        "Give a deleted project its name and page back, without files.",
        lambda actor, name, said, now: projects.restore_project(actor, name, now=now),
    ),
}
RELEASE_ACTS = {
    "yank": act_view(
        "yank_release",
        "Have installers pass over a release unless it is pinned (PEP 592).",
        lambda actor, name, said, now: releases.yank_release(
            actor, name, said["version"], reason=said["reason"], now=now
        ),
        ReasonSerializer,
    ),
    "unyank": act_view(
        "unyank_release",
        "Take that back. Files that were yanked by themselves stay so.",
        lambda actor, name, said, now: releases.unyank_release(actor, name, said["version"], now=now),
    ),
    "reopen": act_view(
        "reopen_release",
        "Let a release take new files until a moment, however old it is.",
        lambda actor, name, said, now: releases.reopen_release(
            actor, name, said["version"], until=said["until"], now=now
        ),
        UntilSerializer,
    ),
}
FILE_ACTS = {
    "yank": act_view(
        "yank_file",
        "Have installers pass over a file unless it is pinned (PEP 592).",
        lambda actor, name, said, now: releases.yank_file(
            actor, name, said["filename"], reason=said["reason"], now=now
        ),
        ReasonSerializer,
    ),
    "unyank": act_view(
        "unyank_file",
        "Take back that a file by itself is yanked. A yank of its release stays.",
        lambda actor, name, said, now: releases.unyank_file(actor, name, said["filename"], now=now),
    ),
}
INVITATION_ACTS = {
    "accept": act_view(
        "accept_invitation",
        "Take the role that you are offered.",
        lambda actor, name, said, now: members.accept_invitation(actor, name, now=now),
    ),
    "decline": act_view(
        "decline_invitation",
        "Leave the offer.",
        lambda actor, name, said, now: members.decline_invitation(actor, name, now=now),
    ),
}
