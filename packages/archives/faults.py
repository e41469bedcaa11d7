"""The faults of one archive, gathered so that one refusal says them all, each of them short and clean. Pure."""

from packages.errors import MOST_FAULTS, ArchiveFaultyError

_LONGEST = 80  # characters of a name


def shown(name: str | bytes) -> str:
    """A hostile name as a message may repeat it: in quotes, printable, of bounded length."""
    if isinstance(name, bytes):
        name = name.decode(errors="replace")
    if len(name) > _LONGEST:
        name = f"{name[: _LONGEST // 2]}…{name[-_LONGEST // 2 :]}"
    return "'" + "".join(each if each.isprintable() and each != "'" else "?" for each in name) + "'"


class Faults:
    """Sentences about one archive, in the order in which they were found.

    Where it is forgiven what no installer minds, that goes to the notes.
    """

    def __init__(self, filename: str, *, forgiving: bool = False) -> None:
        self.filename, self.notes = filename, list[str]()
        self._forgiving = forgiving
        self._sentences: list[str] = []

    def add(self, what: str, *, mend: str, is_minded: bool = True) -> None:
        """Note a fault; raises ArchiveFaultyError once there are so many that more would help nobody."""
        if self._forgiving and not is_minded:
            self.notes.append(f"{self.filename}: {what}.")
            return
        self._sentences.append(f"{self.filename}: {what}; {mend}.")
        if len(self._sentences) == MOST_FAULTS:
            self._sentences.append(
                f"There may be more: {self.filename} was read no further after {MOST_FAULTS} faults."
            )
            raise self.refusal()

    def member(self, name: str | bytes, what: str, *, mend: str) -> None:
        """Note a fault of the member `name`."""
        self.add(f"the member {shown(name)} {what}", mend=mend)

    def refusal(self, gravest: str = "") -> ArchiveFaultyError:
        """The error that says all of them, after what is graver."""
        return ArchiveFaultyError(*([gravest] if gravest else []), *self._sentences)

    def raise_any(self) -> None:
        """Raise ArchiveFaultyError where there are any."""
        if self._sentences:
            raise self.refusal()
