"""Group commit: what several threads want at the same moment is done in one go, by one of them."""

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")
MOST = 64


class Together(Generic[Item, Outcome]):
    """A function over one item, made of a function over several that costs little more than over one.

    `act` answers with an outcome or an exception for each item, in their order; what it raises itself, every caller
    hears. Who comes alone waits for nobody; who comes while others are at work goes with the next group.
    """

    def __init__(self, act: Callable[[Sequence[Item]], Sequence[Outcome | Exception]]) -> None:
        self._act = act
        self._waiting: list[_Place[Item, Outcome]] = []
        self._at_work = threading.Lock()

    def __call__(self, item: Item) -> Outcome:
        """Do it, with others; raises what `act` answered for this item."""
        place: _Place[Item, Outcome] = _Place(item)
        self._waiting.append(place)
        with self._at_work:
            while not place.outcome:
                self._serve_some()
        [outcome] = place.outcome
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def _serve_some(self) -> None:
        """Serve the longest waiting; our caller's place comes in its turn."""
        group = self._waiting[:MOST]
        del self._waiting[: len(group)]
        try:
            outcomes = self._act([place.item for place in group])
        except Exception as error:  # whatever it is, each of them must hear it, or would wait for ever
            outcomes = [error] * len(group)
        for place, outcome in zip(group, outcomes, strict=True):
            place.outcome.append(outcome)


class _Place(Generic[Item, Outcome]):
    """An item that waits, and what became of it: empty until then."""

    def __init__(self, item: Item) -> None:
        self.item = item
        self.outcome: list[Outcome | Exception] = []
