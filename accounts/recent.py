"""Answers about credentials, kept for moments: asking the database about the same token again and again is dear."""

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

Answer = TypeVar("Answer")
_MOST = 4096


class RecentAnswers(Generic[Answer]):
    """Answers by the credentials that they are about, each kept for `seconds`. Safe for many threads."""

    def __init__(self, *, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._clock = seconds, clock
        self._answers: OrderedDict[bytes, tuple[float, Answer]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, credentials: str, ask: Callable[[], Answer]) -> Answer:
        """The answer for these credentials, which are not kept themselves. What `ask` raises is asked anew."""
        key = hashlib.sha256(credentials.encode()).digest()
        kept = self._answers.get(key)
        if kept is not None and kept[0] > self._clock():
            return kept[1]
        answer = ask()
        with self._lock:
            self._answers[key] = (self._clock() + self._seconds, answer)
            self._answers.move_to_end(key)
            while len(self._answers) > _MOST:
                self._answers.popitem(last=False)
        return answer
