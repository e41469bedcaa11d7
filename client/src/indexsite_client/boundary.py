"""The one place where errors of tuf, securesystemslib and the HTTP client become sentences of ours."""

import contextlib
from collections.abc import Iterator

from securesystemslib.exceptions import Error as SecureSystemsLibError
from tuf.api import exceptions as tuf_errors
from tuf.api.serialization import SerializationError

from indexsite_client.errors import (
    ClientError,
    CredentialsError,
    DocumentGoneError,
    UnreachableError,
    VerificationError,
)

_DELIBERATE = "If it stays, somebody between you and the index may be holding back or changing what it serves."

# The most telling class of each family stands before its base.
_RULES: tuple[tuple[type[Exception], type[ClientError], str], ...] = (
    (
        tuf_errors.ExpiredMetadataError,
        VerificationError,
        "a role's document is used until it expires: the index must sign it anew, or a mirror shows an old copy.",
    ),
    (tuf_errors.BadVersionNumberError, VerificationError, "a role's version never goes back: an old copy is shown."),
    (
        tuf_errors.UnsignedMetadataError,
        VerificationError,
        "a document needs the signatures of its role's keys: it was changed or signed by somebody else.",
    ),
    (
        tuf_errors.LengthOrHashMismatchError,
        VerificationError,
        "bytes must have the length and sha256 that the signed metadata says: they were changed.",
    ),
    (
        tuf_errors.DownloadLengthMismatchError,
        VerificationError,
        "nothing may be longer than the signed metadata says: the download was stopped there.",
    ),
    (tuf_errors.RepositoryError, VerificationError, "the document breaks a rule of TUF."),
    (tuf_errors.SlowRetrievalError, UnreachableError, "a download must come at 10 kB a second or faster."),
    (tuf_errors.DownloadError, UnreachableError, "check the address and the network, then try again."),
    (SerializationError, VerificationError, "the document is not TUF metadata."),
    (SecureSystemsLibError, VerificationError, "the document's keys or signatures are malformed."),
)


@contextlib.contextmanager
def speaking(what: str) -> Iterator[None]:
    """Turn third-party errors inside the block into ClientError; `what` says what was being looked at."""
    try:
        yield
    except tuf_errors.DownloadHTTPError as error:
        if error.status_code in {401, 403}:
            raise CredentialsError(
                f"{what} is not shown to us (HTTP {error.status_code}); set INDEXSITE_TOKEN to a token that may read, "
                "or trust the index again as https://__token__:TOKEN@host/."
            ) from error
        raise UnreachableError(f"{what}: {error} Check that the address is that of an index. {_DELIBERATE}") from error
    except tuple(rule[0] for rule in _RULES) as error:
        _type, ours, rule_text = next(rule for rule in _RULES if isinstance(error, rule[0]))
        said = str(error).rstrip(".") or type(error).__name__
        raise ours(f"{what} was refused: {said}. The rule: {rule_text} {_DELIBERATE}") from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        # The libraries parse hostile bytes here; whatever a parser trips over is a refusal, never a crash.
        raise VerificationError(
            f"{what} was refused: it is malformed ({type(error).__name__}). {_DELIBERATE}"
        ) from error


@contextlib.contextmanager
def noticing_gone() -> Iterator[None]:
    """Tell a missing document or page from other failures, since a new snapshot may mend it."""
    try:
        yield
    except ClientError as error:
        cause = error.__cause__
        if isinstance(cause, tuf_errors.DownloadHTTPError) and cause.status_code == 404:
            raise DocumentGoneError(f"The index lacks a document that its snapshot names: {cause}") from error
        raise
