"""The cases of a key compromise that PEP 458 tells apart, and what each asks of a recovery. Pure."""

from dataclasses import dataclass

from indexsite_client.protocol import TARGETS, UNCLAIMED

_DRAFT = (
    "indexsite ceremony draft FOLDER",
    "indexsite ceremony sign FOLDER --as NAME     (enough holders, one by one)",
)
_ONLINE = "indexsite ceremony key FOLDER --online --replace"
_HOLDERS = "indexsite ceremony key FOLDER --holder NAME --replace     (each whose key is in other hands)"


@dataclass(frozen=True, slots=True)
class Case:
    """A case: whose keys are in other hands, and what must be new after it.

    `stolen` are the offline roles of which no document after the copy counts. A root that `begins_chain` is pinned
    anew by every client. `ceremony` are the commands of the
    holders. Where nothing could be forged, nothing `compares` the index with a copy.
    """

    name: str
    what: str
    ceremony: tuple[str, ...]
    stolen: frozenset[str] = frozenset()
    begins_chain: bool = False
    compares: bool = True


ROOT_KEY = "root-key"
CASES = {
    case.name: case
    for case in (
        Case("online-keys", "The online key was used by somebody else, or may have been.", (_ONLINE, *_DRAFT)),
        Case(
            "offline-keys",
            "Enough keys of targets or unclaimed to sign are in other hands; so may be the online key.",
            (_ONLINE, _HOLDERS, *_DRAFT),
            stolen=frozenset({TARGETS, UNCLAIMED}),
        ),
        Case(
            ROOT_KEY,
            "Root keys, fewer than the threshold, are in other hands: nobody could forge anything with them.",
            (_HOLDERS, *_DRAFT),
            compares=False,
        ),
    )
}
