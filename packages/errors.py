"""Why an upload is refused: each error says what is wrong and how to mend it. Nothing here knows HTTP."""

MOST_FAULTS = 20  # sentences of one refusal, for more help nobody


class UploadRefusedError(Exception):
    """The upload is not taken and nothing of it is kept. `faults` are whole sentences, the first one the gravest."""

    code = "upload-refused"

    def __init__(self, *faults: str) -> None:
        super().__init__(faults[0])
        self.faults = faults


class FormFaultyError(UploadRefusedError):
    """The form does not say what an upload must say."""

    code = "form-faulty"


class FilenameFaultyError(UploadRefusedError):
    """The file's name is not that of a distribution, not one that this index takes, or says otherwise than the form."""

    code = "filename-faulty"


class DigestMismatchError(UploadRefusedError):
    """The bytes that arrived are not those that were announced."""

    code = "digest-mismatch"

    def __init__(self, algorithm: str) -> None:
        super().__init__(
            f"The file's {algorithm} digest differs from the announced one; it was damaged, upload it again."
        )
        self.algorithm = algorithm


class ArchiveFaultyError(UploadRefusedError):
    """The file is not an archive that can be opened within bounds, or lacks its metadata."""

    code = "archive-faulty"


class MetadataFaultyError(UploadRefusedError):
    """The metadata in the file is malformed, or says something else than the file's name and the form."""

    code = "metadata-faulty"


class FileTooLargeError(UploadRefusedError):
    """The file is larger than this index takes."""

    code = "file-too-large"

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"The file is larger than {limit} bytes, the most that is taken; ask an administrator for a larger limit "
            f"(INDEXSITE_UPLOAD_LIMIT, or the project's own)."
        )
        self.limit = limit


class QuotaExceededError(UploadRefusedError):
    """What a project or an account may store is used up. Sizes in bytes."""

    code = "quota-exceeded"

    def __init__(self, filename: str, size: int, *, owner: str, used: int, quota: int) -> None:
        super().__init__(
            f"{filename} has {size} bytes, and {owner} uses {used} of {quota}; ask an administrator for more."
        )
        self.filename, self.size, self.used, self.quota = filename, size, used, quota


class IndexReadOnlyError(UploadRefusedError):
    """An administrator lets nobody change anything for a while."""

    code = "read-only"

    def __init__(self, reason: str) -> None:
        super().__init__(f"This index is read-only at the moment: {reason}; try again when it is over.")
        self.reason = reason


class BodyTooSlowError(UploadRefusedError):
    """The request's body comes so slowly that it looks like an attack on the upload places."""

    code = "body-too-slow"

    def __init__(self, rate: int) -> None:
        super().__init__(f"The upload came at less than {rate} bytes a second; try again over a better connection.")
        self.rate = rate


class UploadsBusyError(UploadRefusedError):
    """As many uploads as the index takes at once are running."""

    code = "uploads-busy"

    def __init__(self, places: int) -> None:
        super().__init__(f"{places} uploads are running, the most at once; try again in a few seconds.")
        self.places = places


class UploadsCollideError(UploadRefusedError):
    """Several uploads to one project kept getting in each other's way."""

    code = "uploads-collide"

    def __init__(self, filename: str) -> None:
        super().__init__(f"{filename} collided with other uploads to its project; try again in a few seconds.")
        self.filename = filename


class IndexBusyError(UploadRefusedError):
    """The database did not take the upload in time."""

    code = "index-busy"

    def __init__(self) -> None:
        super().__init__(
            "The index is too busy to take the upload, and nothing of it is listed; try again in a minute."
        )


class StoreBusyError(UploadRefusedError):
    """The store of files cannot be reached, or is full."""

    code = "store-busy"

    def __init__(self) -> None:
        super().__init__(
            "The index cannot store files at the moment, and nothing of the upload is kept; try again in a minute."
        )


class FilenameTakenError(UploadRefusedError):
    """Filenames are never reused: a TUF client may hold the old hash."""

    code = "filename-taken"

    def __init__(self, filename: str) -> None:
        super().__init__(f"{filename} exists with other contents; filenames are never reused, so raise the version.")
        self.filename = filename


class NameRefusedError(UploadRefusedError):
    """No new project may have this name."""

    code = "name-refused"


class NameConfusableError(NameRefusedError):
    """The name of a new project looks like that of an existing one."""

    code = "name-confusable"

    def __init__(self, name: str, existing: str) -> None:
        super().__init__(
            f"{name} is too easily taken for the existing project {existing}; choose another name, or ask an "
            f"administrator to allow this one."
        )
        self.name, self.existing = name, existing


class SdistTakenError(UploadRefusedError):
    """A release has one sdist, so that everybody who builds it builds the same."""

    code = "sdist-taken"

    def __init__(self, filename: str, existing: str) -> None:
        super().__init__(f"{filename} would be a second sdist of its release, beside {existing}; raise the version.")
        self.filename, self.existing = filename, existing


class ReleaseClosedError(UploadRefusedError):
    """A release that people have used for a while gets no new files: a stolen token must not change what it is."""

    code = "release-closed"

    def __init__(self, release: str) -> None:
        super().__init__(
            f"{release} is too old to take new files (INDEXSITE_RELEASE_DAYS); raise the version, or have an owner of "
            f"the project reopen the release."
        )
        self.release = release


class FilenameDeletedError(FilenameTakenError):
    """Not even the same bytes come back: who deleted the file shall not find it there again."""

    code = "filename-deleted"

    def __init__(self, filename: str) -> None:
        UploadRefusedError.__init__(
            self, f"{filename} was deleted here, and filenames are never used again, so raise the version."
        )
        self.filename = filename


class ProjectClosedError(UploadRefusedError):
    """The project takes no uploads in its present status (PEP 792)."""

    code = "project-closed"
    _next_steps = {
        "archived": "it takes no new files; ask an owner to unarchive it",
        "quarantined": "an administrator looks into it; ask them",
        "deleted": "its name is kept; ask one who owned it, or an administrator, to restore it",
    }

    def __init__(self, project: str, status: str) -> None:
        super().__init__(f"The project {project} is {status}: {self._next_steps[status]}.")
        self.project, self.status = project, status
