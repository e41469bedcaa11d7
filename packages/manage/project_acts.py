"""What is offered for a project as a whole: its status, its end, and what is kept of its pre-releases."""

from collections.abc import Iterator, Sequence
from functools import partial

from django.urls import reverse

from packages.attestations.naming import name_publishers
from packages.life import projects, retention
from packages.life.rules import Act
from packages.manage.forms import ConfirmForm, PublishersForm, ReasonForm, RetentionForm
from packages.manage.offers import Offer
from packages.models import Project, RetentionRule

STATUS = ("archive", "unarchive", "deprecate", "undeprecate", "quarantine", "lift-quarantine")
_SIGNED = "Its page for installers says so with the next publication, usually within a second."


def status_offers(project: Project) -> Iterator[Offer]:
    """Archive, deprecate, quarantine, and the ways back (PEP 792)."""
    name, status = project.name, project.status
    yield Offer(
        key="archive",
        act=Act.ARCHIVE,
        title="Archive",
        said="It takes no new files any more. What is here stays and can be installed. You can take it back.",
        button="Archive the project",
        done=f"{name} is archived. {_SIGNED}",
        do=lambda actor, values, now: projects.archive_project(actor, name, reason=values["reason"], now=now),
        form=ReasonForm,
        makes_sense=status != Project.Status.ARCHIVED,
    )
    yield Offer(
        key="unarchive",
        act=Act.UNARCHIVE,
        title="Unarchive",
        said="It takes new files again.",
        button="Unarchive the project",
        done=f"{name} takes new files again. {_SIGNED}",
        do=lambda actor, values, now: projects.unarchive_project(actor, name, now=now),
    )
    yield Offer(
        key="deprecate",
        act=Act.DEPRECATE,
        title="Deprecate",
        said="Its page and installers tell people not to use it any more. Nothing else changes, and you can take it "
        "back.",
        button="Deprecate the project",
        done=f"{name} is deprecated. {_SIGNED}",
        do=lambda actor, values, now: projects.deprecate_project(actor, name, reason=values["reason"], now=now),
        form=ReasonForm,
        makes_sense=status != Project.Status.DEPRECATED,
    )
    yield Offer(
        key="undeprecate",
        act=Act.UNDEPRECATE,
        title="Take the deprecation back",
        said="Nobody is advised against it any more.",
        button="Take it back",
        done=f"{name} is no longer deprecated. {_SIGNED}",
        do=lambda actor, values, now: projects.undeprecate_project(actor, name, now=now),
    )
    yield Offer(
        key="quarantine",
        act=Act.QUARANTINE,
        title="Quarantine",
        said="Nothing of it can be installed while you look into it: its files are neither listed nor served, their "
        "bytes are kept, and its members can change nothing.",
        button="Quarantine the project",
        done=f"{name} is quarantined: no file of it is listed or served from the next publication on, usually within a "
        "second.",
        do=lambda actor, values, now: projects.quarantine_project(actor, name, reason=values["reason"], now=now),
        form=ReasonForm,
        is_grave=True,
    )
    yield Offer(
        key="lift-quarantine",
        act=Act.LIFT_QUARANTINE,
        title="Lift the quarantine",
        said="It is what it was before: its files, its status and its members’ rights.",
        button="Lift the quarantine",
        done=f"{name} is what it was before its quarantine. Its files are listed again with the next publication, "
        "usually within a second.",
        do=lambda actor, values, now: projects.lift_quarantine(actor, name, now=now),
    )


def restore_offer(project: Project) -> Offer:
    """The way back of a deleted project's name."""
    name = project.name
    return Offer(
        key="restore",
        act=Act.RESTORE,
        title="Restore",
        said="It gets its page back, without files, and takes new ones. Those that were deleted never come back.",
        button="Restore the project",
        done=f"{name} is back, without files. Upload new ones.",
        do=lambda actor, values, now: projects.restore_project(actor, name, now=now),
    )


def deletion_offer(project: Project) -> Offer:
    """The end of a project; what goes with it is for the page to show."""
    name = project.name
    return Offer(
        key="delete",
        act=Act.DELETE,
        title="Delete",
        said="All of this is gone for good. No file ever has one of these names again; the project’s name stays with "
        "its members, so that no stranger publishes under it.",
        button="Delete the project for good",
        done=f"{name} is deleted. It will be gone from the index’s pages with the next publication, usually within a "
        "second.",
        do=lambda actor, values, now: projects.delete_project(actor, name, now=now),
        form=partial(ConfirmForm, project=name),
        to=reverse("manage"),
        is_grave=True,
    )


def publishers_offer(project: Project, named: Sequence[str]) -> Offer:
    """Whose attestations it takes (PEP 740)."""
    name = project.name
    return Offer(
        key="publishers",
        act=Act.NAME_PUBLISHERS,
        title="Publishers",
        said="",
        button="Name these publishers",
        done="The publishers are changed, from the next upload on. What is attested already stays so.",
        do=lambda actor, values, now: name_publishers(actor, name, values["publishers"].split(), now=now),
        form=partial(PublishersForm, initial={"publishers": "\n".join(named)}),
    )


def retention_offer(project: Project, rule: RetentionRule | None) -> Offer:
    """Which pre- and dev-releases the worker deletes."""
    name = project.name
    return Offer(
        key="retention",
        act=Act.SET_RETENTION,
        title="Retention",
        said="",
        button="Set the rule",
        done="The rule is set. The worker follows it within the hour, and each deletion is in the journal."
        if rule is None
        else "The rule is changed. The worker follows it within the hour, and each deletion is in the journal.",
        do=lambda actor, values, now: (
            retention.set_retention(actor, name, values["rule"], now=now)
            if values["rule"]
            else retention.clear_retention(actor, name, now=now)
        ),
        form=partial(RetentionForm, project=name, initial=RetentionForm.initial_of(rule)),
    )
