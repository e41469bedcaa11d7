"""Why a backup is not made, or not restored."""

from pathlib import Path


class OperationError(Exception):
    """Nothing was changed, or what was begun can be repeated; the message says which."""

    code = "operation"


class CannotBackUpError(OperationError):
    """The index or the folder is not in a state for a backup."""

    code = "cannot-back-up"


class BackupFaultyError(OperationError):
    """What lies in the folder is not what the backup wrote."""

    code = "backup-faulty"

    def __init__(self, path: Path | str, what: str) -> None:
        super().__init__(f"{path} {what}; this backup cannot be restored, take another one. Nothing was changed.")


class CannotRestoreError(OperationError):
    """The backup is whole, but does not belong here, or not without being told."""

    code = "cannot-restore"
