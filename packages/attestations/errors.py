"""Why an upload's attestations are refused."""

from packages.errors import UploadRefusedError


class AttestationsFaultyError(UploadRefusedError):
    """They are malformed, not about this file, or not signed by whom this index believes."""

    code = "attestations-faulty"


class AttestationsBusyError(UploadRefusedError):
    """They could not be verified now."""

    code = "attestations-busy"

    def __init__(self) -> None:
        super().__init__(
            "The attestations could not be verified in time, and nothing of the upload is kept; try again in a minute, "
            "or upload without them."
        )
