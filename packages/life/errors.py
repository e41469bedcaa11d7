"""Why an act on a project is not done: each error says what to do instead. Nothing here knows HTTP."""


class LifeError(Exception):
    """The act is not done, and nothing is changed."""

    code = "act-refused"


class NotThereError(LifeError):
    """There is no such project, release, file, user, invitation or member."""

    code = "not-there"


class StatusForbidsError(LifeError):
    """The project's present status leaves no room for the act."""

    code = "status-forbids"

    def __init__(self, act: str, project: str, status: str) -> None:
        super().__init__(f"The project {project} is {status}: one cannot {act} it now.")
        self.act, self.project, self.status = act, project, status


class LastOwnerError(LifeError):
    """A project always has an owner."""

    code = "last-owner"

    def __init__(self, project: str) -> None:
        super().__init__(f"This is the last owner of {project}; invite another one first, or delete the project.")
        self.project = project


class AlreadyMemberError(LifeError):
    """Who is invited has that role already."""

    code = "already-member"

    def __init__(self, user: str, role: str, project: str) -> None:
        super().__init__(f"{user} is {role} of {project} already.")
        self.user, self.role, self.project = user, role, project


class ReasonFaultyError(LifeError):
    """A reason stands in signed pages and in HTML, so it is one line of plain text."""

    code = "reason-faulty"


class MomentFaultyError(LifeError):
    """What is open for ever is not closed."""

    code = "moment-faulty"


class RetentionFaultyError(LifeError):
    """A rule keeps the newest so many, or those up to an age."""

    code = "retention-faulty"

    def __init__(self) -> None:
        super().__init__(
            "Give how many pre-releases to keep (0 or more), or how many days (1 or more); one of the two."
        )
