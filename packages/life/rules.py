"""Who may do what with a project, and in which of its statuses: one table, as data. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from accounts.errors import AccessError


class Role(StrEnum):
    """What somebody is to a project. One may be several."""

    MAINTAINER = "maintainer"
    OWNER = "owner"
    ADMINISTRATOR = "administrator"  # of the index
    INVITED = "invited"


class Act(StrEnum):
    """What can be done with a project, in words that follow "may not"."""

    YANK = "yank"
    UNYANK = "unyank"
    DELETE_FILES = "delete files of"
    REOPEN = "reopen a release of"
    ARCHIVE = "archive"
    UNARCHIVE = "unarchive"
    DEPRECATE = "deprecate"
    UNDEPRECATE = "undeprecate"
    QUARANTINE = "quarantine"
    LIFT_QUARANTINE = "lift the quarantine of"
    DELETE = "delete"
    RESTORE = "restore the name of"
    INVITE = "invite members to"
    ANSWER_INVITATION = "answer an invitation to"
    REMOVE_MEMBER = "remove members of"
    LEAVE = "leave"
    SET_RETENTION = "set the retention of"
    NAME_PUBLISHERS = "name publishers of"


@dataclass(frozen=True, slots=True)
class Rule:
    """The roles of which one is needed, and the statuses of a project in which the act makes sense."""

    roles: frozenset[Role]
    statuses: frozenset[str]


_MEMBERS = frozenset({Role.MAINTAINER, Role.OWNER, Role.ADMINISTRATOR})
_OWNERS = frozenset({Role.OWNER, Role.ADMINISTRATOR})
_ADMINISTRATORS = frozenset({Role.ADMINISTRATOR})
_OPEN = frozenset({"active", "archived", "deprecated"})

RULES: Mapping[Act, Rule] = {
    Act.YANK: Rule(_MEMBERS, _OPEN),
    Act.UNYANK: Rule(_MEMBERS, _OPEN),
    Act.DELETE_FILES: Rule(_OWNERS, _OPEN),
    Act.REOPEN: Rule(_OWNERS, frozenset({"active", "deprecated"})),
    Act.ARCHIVE: Rule(_OWNERS, _OPEN),
    Act.UNARCHIVE: Rule(_OWNERS, frozenset({"archived"})),
    Act.DEPRECATE: Rule(_OWNERS, frozenset({"active", "deprecated"})),
    Act.UNDEPRECATE: Rule(_OWNERS, frozenset({"deprecated"})),
    Act.QUARANTINE: Rule(_ADMINISTRATORS, _OPEN),
    Act.LIFT_QUARANTINE: Rule(_ADMINISTRATORS, frozenset({"quarantined"})),
    Act.DELETE: Rule(_OWNERS, _OPEN | {"quarantined"}),
    Act.RESTORE: Rule(_OWNERS, frozenset({"deleted"})),
    Act.INVITE: Rule(_OWNERS, _OPEN),
    Act.ANSWER_INVITATION: Rule(frozenset({Role.INVITED}), _OPEN),
    Act.REMOVE_MEMBER: Rule(_OWNERS, _OPEN | {"quarantined"}),
    Act.LEAVE: Rule(frozenset({Role.MAINTAINER, Role.OWNER}), _OPEN),
    Act.SET_RETENTION: Rule(_OWNERS, _OPEN),
    Act.NAME_PUBLISHERS: Rule(_OWNERS, _OPEN),
}


class ActForbiddenError(AccessError):
    """The actor lacks the role that this act needs."""

    code = "act-forbidden"

    def __init__(self, act: Act, project: str, roles: frozenset[Role]) -> None:
        needed = " or ".join(sorted(roles))
        super().__init__(f"You may not {act} the project {project}: ask somebody who is its {needed}.")
        self.act, self.project = act, project


def check_roles(act: Act, *, project: str, roles: frozenset[Role], status: str) -> None:
    """Raise ActForbiddenError unless one of the roles may; while a project is quarantined, administrators only."""
    needed = RULES[act].roles & _ADMINISTRATORS if status == "quarantined" else RULES[act].roles
    if not roles & needed:
        raise ActForbiddenError(act, project, needed or _ADMINISTRATORS)


def makes_sense(act: Act, *, status: str) -> bool:
    """Whether a project can be acted on so in its status."""
    return status in RULES[act].statuses
