"""Where the replacement of an online key stands, in words: what is done, and who has to do what next."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from securesystemslib.signer import Key

from tufsigning import records
from tufsigning.core.documents import read_signed
from tufsigning.core.offline import online_key_sets
from tufsigning.core.publication import Current
from tufsigning.core.rotation import Rotation, has_others
from tufsigning.errors import NoRotationError
from tufsigning.importing import import_waits
from tufsigning.library import Library
from tufsigning.replacing import bears_both, left

FOLDER = "FOLDER"


@dataclass(frozen=True, slots=True)
class Standing:
    """What the documents, the row and the settings of this process say.

    `unsigned`: how many online documents lack the new key's signature; `surplus`: how many bear one of a key that the
    documents do not name.
    """

    rotation: Rotation | None
    named: tuple[Key, ...]
    unsigned: int
    surplus: int
    waits: bool
    has_next_setting: bool
    is_development: bool

    @classmethod
    def now(cls, library: Library) -> "Standing":
        """As it is; reads every online document."""
        current, rotation = library.current(), records.rotation()
        named = named_keys(current)
        ids = {key.keyid for key in named}
        unsigned = sum(1 for _ in left(library, current, bears_both(rotation), set())) if rotation else 0
        surplus = sum(1 for _ in left(library, current, lambda content: not has_others(content, ids), set()))
        is_set = bool(settings.ONLINE_KEY_NEXT.get_secret_value())
        return cls(rotation, named, unsigned, surplus, import_waits(), is_set, current.is_development)

    @property
    def names_new(self) -> bool:
        """Whether every document names the new key, and none the old one."""
        return self.rotation is not None and {key.keyid for key in self.named} == {self.rotation.new.keyid}

    @property
    def may_drop_old(self) -> bool:
        """Whether nothing needs the old signature any more, and this process has the new key as the one in use."""
        is_over = self.rotation is None or (self.names_new and not self.has_next_setting)
        return is_over and (self.surplus > 0 or self.rotation is not None)

    def check_may_cancel(self) -> None:
        """Raise NoRotationError where there is nothing to cancel, or root names the new key already."""
        if self.rotation is None or self.names_new or self.waits:
            raise NoRotationError


def steps(standing: Standing) -> Iterator[str]:
    """Sentences: where we are, and what is next."""
    rotation = standing.rotation
    if standing.waits:
        yield "Documents that were taken wait to be published; the worker's log says why it could not."
    if rotation is None:
        yield f"The online key is {_short(standing.named)}; no replacement is under way."
        if standing.surplus:
            yield (
                f"{standing.surplus} documents bear the signature of a former online key still, which nobody asks for:"
                " run tuf_rotate again, or leave it to their renewal."
            )
        if not standing.surplus:
            yield from _DEVELOPMENT if standing.is_development else _BEGINNING
        return
    yield f"{rotation}."
    if not standing.names_new:
        yield from _before(standing)
    elif standing.has_next_setting:
        yield "Root, targets and unclaimed name the new key only; everything is signed with both until the next step."
        yield "Next: set INDEXSITE_ONLINE_KEY to what INDEXSITE_ONLINE_KEY_NEXT says (and its passphrase), take"
        yield "INDEXSITE_ONLINE_KEY_NEXT away, start every worker anew, and run tuf_rotate again, in that environment."
    else:
        yield "Next: start every worker anew where you have not, and run tuf_rotate again: it drops the old signature."


def _before(standing: Standing) -> Iterator[str]:
    if standing.unsigned:
        yield f"{standing.unsigned} documents are not signed with both keys yet."
        yield "Next: run tuf_rotate again."
    else:
        yield "Every online document is signed with both keys, and root names the old one only."
        yield f"Next: run tuf_rotate {FOLDER} with the folder of the ceremony that names the new key."


_DEVELOPMENT = (
    "The keys are those of a development ceremony, which cannot be replaced one by one: hold a real ceremony, and take",
    "it with tuf_init FOLDER (docs/production.md).",
)
_BEGINNING = (
    "To replace it: its key holders run 'indexsite ceremony key FOLDER --online --replace', draft and sign. Then set",
    "INDEXSITE_ONLINE_KEY_NEXT to the new key, start every worker anew, and run tuf_rotate FOLDER in that environment.",
)


def named_keys(current: Current) -> tuple[Key, ...]:
    """Every key that the documents name for an online role, once."""
    sets = online_key_sets(read_signed(current.roots[-1]), current.upper)
    return tuple({key.keyid: key for keys in sets for key in keys}.values())


def _short(keys: tuple[Key, ...]) -> str:
    return " and ".join(key.keyid[:8] for key in keys)
