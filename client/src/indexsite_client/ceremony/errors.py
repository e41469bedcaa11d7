"""What the ceremony refuses, each with a code; the sentence says what to do next."""

from indexsite_client.errors import ClientError


class CeremonyError(ClientError):
    """Base of every refusal of the ceremony."""

    code = "ceremony"


class CeremonyFolderError(CeremonyError):
    """The folder, or a file in it, is not what a ceremony needs."""

    code = "ceremony-folder"


class CeremonyPlanError(CeremonyError):
    """Roles, holders or numbers that no ceremony can have."""

    code = "ceremony-plan"


class KeyRefusedError(CeremonyError):
    """A key that cannot be used, or not for this."""

    code = "ceremony-key"


class KeyTwiceError(KeyRefusedError):
    """One key of two holders, or one key under two ids: a threshold would count it twice."""

    code = "ceremony-key-twice"


class PassphraseError(CeremonyError):
    """A passphrase that is missing, too short, or another one."""

    code = "ceremony-passphrase"


class MissingKeysError(CeremonyError):
    """Holders who have not given their public key yet."""

    code = "ceremony-keys-missing"


class DraftError(CeremonyError):
    """A draft that is missing, that would be lost, or that clients would refuse."""

    code = "ceremony-draft"


class NotExpectedError(CeremonyError):
    """What would be signed is not what --expect says."""

    code = "ceremony-not-expected"


class CopiesDifferError(CeremonyError):
    """Two copies of a ceremony contradict one another."""

    code = "ceremony-copies-differ"
