"""What the client refuses, each with a code and a sentence that says what went wrong and what to do next."""


class ClientError(Exception):
    """Base of every refusal of the client; the message is complete sentences for the person at the terminal."""

    code = "client-error"


class UsageError(ClientError):
    """The command line or the environment asks for something that the client does not do."""

    code = "usage"


class NotTrustedError(ClientError):
    """No pinned root stands behind what was asked for."""

    code = "not-trusted"


class TrustConflictError(ClientError):
    """The offered root contradicts what the user said or what is pinned already."""

    code = "trust-conflict"


class DevelopmentRootError(ClientError):
    """A root of the development ceremony where a real one is expected, or the other way round."""

    code = "development-root"


class VerificationError(ClientError):
    """The index, or somebody between it and us, served what its trusted roles do not vouch for."""

    code = "verification-failed"


class UnreachableError(ClientError):
    """The index did not answer, or answered in a way that no index does."""

    code = "index-unreachable"


class CredentialsError(ClientError):
    """The index wants credentials that the client does not have."""

    code = "credentials-needed"


class ProjectNotFoundError(ClientError):
    """The index has no page or file of this name in its signed metadata."""

    code = "not-found"

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} is not in the signed metadata of the index; check the spelling.")
        self.what = what


class SourceRefusedError(ClientError):
    """An argument or a requirements file names a source of packages other than the trusted index."""

    code = "source-refused"


class InstallerRefusedError(UsageError):
    """The command is not one of the installers that the client can drive."""

    code = "installer-refused"


class DocumentGoneError(ClientError):
    """The index lacks a document that its own snapshot names: it has published and pruned since."""

    code = "document-gone"


class AddressRefusedError(VerificationError):
    """A name in the index's documents cannot be the path of a file, or tries to be another one."""

    code = "address-refused"


class MirrorFolderError(ClientError):
    """The folder of a mirror cannot be used: something else lies there, or it is full, or another run has it."""

    code = "mirror-folder"
