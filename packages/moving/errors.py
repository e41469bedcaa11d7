"""Why a folder, or a file in it, is not imported."""

from packages.errors import UploadRefusedError


class CannotImportError(Exception):
    """The folder as a whole is not imported; nothing was changed."""

    code = "cannot-import"


class FileUnreadableError(UploadRefusedError):
    """The file lies there, but its bytes do not come."""

    code = "file-unreadable"

    def __init__(self, filename: str, why: str) -> None:
        super().__init__(f"{filename} cannot be read ({why}); mend that and import the folder again.")
        self.filename = filename
