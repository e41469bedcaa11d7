"""What may go wrong between a change and its publication."""


class TrustError(Exception):
    """Something about keys, roles or publication; nothing was made visible."""

    code = "trust"


class ClockSkewError(TrustError):
    """The database's clock and ours are too far apart to sign expiry dates."""

    code = "clock-skew"

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"The clocks of this machine and of the database differ by {seconds:.0f} s; nothing is signed until both"
            " follow a time server."
        )
        self.seconds = seconds


class OnlineKeyError(TrustError):
    """The online key cannot be had, or is not the one that root names."""

    code = "online-key"


class NotEstablishedError(TrustError):
    """The index has no published metadata yet."""

    code = "not-established"

    def __init__(self) -> None:
        super().__init__(
            "This index has no signed metadata yet; start 'manage.py serve', or run 'manage.py prepare' once."
        )


class StoreDamagedError(TrustError):
    """A published document is missing or is not what was signed."""

    code = "store-damaged"

    def __init__(self, name: str, what: str) -> None:
        super().__init__(f"{name} {what}; restore the store from its backup.")
        self.name = name


class StoreMissingError(TrustError):
    """The store lacks metadata that the database knows to be published."""

    code = "store-missing"

    def __init__(self, number: int) -> None:
        super().__init__(
            f"The store has no timestamp.json, but the database knows publication {number}: mount or restore the store"
            " that belongs to this database. Nothing was changed."
        )
        self.number = number


class OfflineKeysMissingError(TrustError):
    """The keys of the development ceremony are not in the data folder any more."""

    code = "offline-keys-missing"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The key {name} of the development ceremony is missing from the key folder; put the folder back."
            " Until then the offline roles are not renewed."
        )
        self.name = name


class PublicationRaceError(TrustError):
    """Another publisher was quicker. What this one signed is burnt; trying again is safe."""

    code = "publication-race"

    def __init__(self) -> None:
        super().__init__("Another publisher published at the same time; this attempt is given up and tried again.")


class DocumentRefusedError(TrustError):
    """A document that offline keys signed may not come into force here; its `code` says which rule it breaks."""

    def __init__(self, code: str, role: str, what: str) -> None:
        super().__init__(f"The {role} document {what}. Nothing was changed.")
        self.code, self.role = code, role


class CeremonyFolderError(TrustError):
    """The folder of a ceremony cannot be read or written."""

    code = "ceremony-folder"


class RealRootError(TrustError):
    """The store has the root of a real ceremony, but nothing was published with it."""

    code = "real-root"

    def __init__(self) -> None:
        super().__init__(
            "The store has the root of a real ceremony and no timestamp: run 'manage.py tuf_init FOLDER' with the"
            " folder of that ceremony, or restore a backup. A development ceremony is not held over it."
        )


class ImportWaitsError(TrustError):
    """Documents that were taken before are not published yet."""

    code = "import-waits"

    def __init__(self) -> None:
        super().__init__(
            "Documents that were imported before wait to be published; see the worker's log, and try again after that."
        )


class RecoveringError(TrustError):
    """A recovery is under way."""

    code = "recovering"

    def __init__(self) -> None:
        super().__init__(
            "A recovery is under way, and nothing else is published until it is: see 'manage.py tuf_recover --status'."
        )


class UseUntoldError(TrustError):
    """The sink that must hear of each use of the online key did not."""

    code = "use-untold"

    def __init__(self, fault: str) -> None:
        super().__init__(
            f"INDEXSITE_KEY_USE_SINK could not be told of the online key's use ({fault}), and"
            " INDEXSITE_KEY_USE_REQUIRED is set: nothing is published until it can."
        )


class PublisherBusyError(TrustError):
    """Another publisher was at work for so long that ours gave up."""

    code = "publisher-busy"

    def __init__(self) -> None:
        super().__init__(
            "Another publisher is at work all the while. The documents are kept, and a worker publishes them within ten"
            " minutes; 'manage.py tuf_status' shows when it has."
        )


class RotationHinderedError(TrustError):
    """A worker does not sign with the new key: once the new root is there, it could publish nothing."""

    code = "rotation-hindered"

    def __init__(self, key_id: str) -> None:
        super().__init__(
            f"A worker of this index does not sign with the new online key {key_id[:8]}: start every worker anew with"
            " the INDEXSITE_ONLINE_KEY and INDEXSITE_ONLINE_KEY_NEXT that this command has, and run tuf_rotate again."
            " Clients and uploads go on meanwhile."
        )
        self.key_id = key_id


class StillTrustedError(TrustError):
    """New documents still name an online key that is compromised."""

    code = "still-trusted"

    def __init__(self, key_id: str) -> None:
        super().__init__(
            f"The new documents still name the online key {key_id[:8]}, which root, targets and unclaimed name today:"
            " hold a ceremony that replaces it ('indexsite ceremony key FOLDER --online --replace'). Nothing was"
            " changed."
        )
        self.key_id = key_id


class NoRotationError(TrustError):
    """There is no replacement of the online key that could be given up."""

    code = "no-rotation"

    def __init__(self) -> None:
        super().__init__(
            "There is nothing to cancel: no replacement of the online key is under way, or root names the new key"
            " already, and the way back is another ceremony."
        )


class NextKeyMissingError(OnlineKeyError):
    """The key that shall replace the online key is not here."""

    def __init__(self, named: str) -> None:
        super().__init__(
            f"The new documents name the online key {named}, which this process has not: set INDEXSITE_ONLINE_KEY_NEXT"
            " to it, keep INDEXSITE_ONLINE_KEY as it is, and start every worker anew with both. Nothing was changed."
        )
