"""Why a recovery does not go on: each error says what to do, and that nothing was changed."""

from tufsigning.errors import TrustError


class RecoveryError(TrustError):
    """The recovery does not go on from here; nothing was changed."""

    code = "recovery"


class CopyRefusedError(RecoveryError):
    """The copy of the last good state cannot be believed."""

    code = "copy-refused"


class DecisionFaultyError(RecoveryError):
    """The file of decisions says something that cannot be followed."""

    code = "decision-faulty"


class BytesMissingError(RecoveryError):
    """What shall be signed again has its bytes nowhere."""

    code = "bytes-missing"


class StolenKeyNamedError(RecoveryError):
    """The new documents trust a key that is in other hands."""

    code = "stolen-key"


class NameTakenError(RecoveryError):
    """A document of this version lies in the store already, with other contents."""

    code = "name-taken"
