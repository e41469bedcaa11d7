"""Why somebody is not let in."""


class AccessError(Exception):
    """The caller is unknown, or may not do this."""

    code = "access"


class NotSignedInError(AccessError):
    """No credentials, or none that this index knows."""

    code = "not-signed-in"


class CredentialsMissingError(NotSignedInError):
    """The request carries no token."""

    code = "credentials-missing"

    def __init__(self) -> None:
        super().__init__("This needs an API token: user name __token__, the token as password, or a Bearer header.")


class SessionEndedError(NotSignedInError):
    """Nobody is signed in at the pages, or not any more."""

    code = "session-ended"

    def __init__(self) -> None:
        super().__init__("You are not signed in any more; sign in again in another tab, then try once more.")


class TokenInvalidError(NotSignedInError):
    """The token is mistyped, unknown, revoked, expired, or its user is no longer active: we do not say which."""

    code = "token-invalid"

    def __init__(self) -> None:
        super().__init__("The API token is not valid (mistyped, expired or revoked); make a new one with create_token.")


class ScopeMissingError(AccessError):
    """The token is valid, but not for this kind of act."""

    code = "scope-missing"

    def __init__(self, scope: str) -> None:
        super().__init__(
            f"The API token lacks the scope '{scope}'; make another one on your tokens' page, or with "
            f"create_token --scope {scope}."
        )
        self.scope = scope


class ProjectForbiddenError(AccessError):
    """The token, or its user, has no right to this project."""

    code = "project-forbidden"

    def __init__(self, project: str, reason: str) -> None:
        super().__init__(f"This token may not change the project {project}: {reason}.")
        self.project = project
