"""Why an upload's attestations are refused."""

from packages.errors import UploadRefusedError


class AttestationsFaultyError(UploadRefusedError):
    """They are malformed, not about this file, or not signed by whom this index believes."""

    code = "attestations-faulty"


class AttestationsUnverifiableError(UploadRefusedError):
    """This index cannot verify any; the log says why."""

    code = "attestations-unverifiable"

    def __init__(self) -> None:
        super().__init__(
            "This index cannot verify attestations until its administrators mend its settings (its log says which), "
            "and nothing of the upload is kept; tell them, or upload without attestations."
        )


class AttestationsBusyError(UploadRefusedError):
    """They could not be verified now."""

    code = "attestations-busy"

    def __init__(self) -> None:
        super().__init__(
            "The attestations could not be verified in time, and nothing of the upload is kept; try again in a minute, "
            "or upload without them."
        )
