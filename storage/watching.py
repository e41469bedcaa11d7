"""Following a name in a store that is far away: few looks, whoever asks, and nobody held up by a slow one."""

import threading
import time
from collections.abc import Callable, Hashable

EVERY = 0.2  # seconds between the beginnings of two looks that nobody waits for
FRESH = 1.0  # seconds for which an answer counts without asking anew
_PATIENCE = 1.0  # seconds that somebody waits for a look
_FIRST = 20.0  # seconds that somebody waits for the very first one


class RemoteWatch:
    """Answers with what the last look saw. Safe for many threads.

    A look runs in a thread of its own, begun by whoever asks first after EVERY. After a pause longer than FRESH the
    asker waits for it rather than hear something old, and so does who wants a `fresh` answer: from a look that began
    after the question, as several processes must not contradict each other there. Where the store does not answer,
    what is known stays the answer, and nobody waits again before it does.
    """

    def __init__(self, look: Callable[[], Hashable], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._look, self._clock = look, clock
        self._changed = threading.Condition()
        self._is_looking, self._is_failing = False, False
        self._began = self._seen = float("-inf")
        self._stamp: Hashable = None
        self._error: OSError | None = None

    def __call__(self, *, fresh: bool = False) -> Hashable:
        """The last known stamp; raises what the last look raised while none succeeded."""
        now = self._clock()
        if not fresh and now - self._began < EVERY and now - self._seen <= FRESH:
            return self._stamp
        with self._changed:
            if now - self._began >= EVERY:
                self._begin()
            if self._stamp is None:
                self._changed.wait_for(lambda: not self._is_looking, _FIRST)
            elif (fresh or now - self._seen > FRESH) and not self._is_failing:
                self._wait_for_look_since(now if fresh else now - FRESH)
            if self._stamp is None:
                raise (self._error or TimeoutError("The first look at the store takes too long.")).with_traceback(None)
            return self._stamp

    def _wait_for_look_since(self, moment: float) -> None:
        deadline = self._clock() + _PATIENCE
        while self._seen < moment and not self._is_failing:
            self._begin()
            if not self._changed.wait_for(lambda: not self._is_looking, max(deadline - self._clock(), 0)):
                self._is_failing = True

    def _begin(self) -> None:
        """Begin a look unless one is under way; under the lock."""
        if not self._is_looking:
            self._is_looking, self._began = True, self._clock()
            threading.Thread(target=self._take_a_look, name="watch", daemon=True).start()

    def _take_a_look(self) -> None:
        began, stamp, error = self._began, None, None
        try:
            stamp = self._look()
        except OSError as caught:
            error = caught
        with self._changed:
            if error is None:
                self._stamp, self._seen = stamp, began
            self._error, self._is_failing, self._is_looking = error, error is not None, False
            self._changed.notify_all()
