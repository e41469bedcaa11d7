"""Caches with a limit in bytes, for values that never change once made."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar, cast

Value = TypeVar("Value")


class ByteLimitedCache:
    """Keeps what was used last. Safe for many threads; two may make the same value, and both are right."""

    def __init__(self, limit: int) -> None:
        self._limit, self._used = limit, 0
        self._kept: OrderedDict[Hashable, tuple[object, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], Value], cost: Callable[[Value], int | None]) -> Value:
        """The value of a key, made where it is not kept; `cost` says how many bytes it holds, None not to keep it."""
        kept = self._kept.get(key)
        if kept is not None:
            with self._lock:
                if key in self._kept:
                    self._kept.move_to_end(key)
            return cast(Value, kept[0])
        value = make()
        self._keep(key, value, cost(value))
        return value

    def _keep(self, key: Hashable, value: object, cost: int | None) -> None:
        if cost is None or cost > self._limit // 4:
            return  # one value must not drive out all the others
        with self._lock:
            if key in self._kept:
                return
            self._kept[key] = value, cost
            self._used += cost
            while self._used > self._limit:
                _, (_, freed) = self._kept.popitem(last=False)
                self._used -= freed


class ReadyValues(Generic[Value]):
    """Values of one moment, to be had by one look: a small front of the cache that is thrown away with its moment."""

    def __init__(self, limit: int) -> None:
        self._limit, self._used = limit, 0
        self._kept: dict[tuple[str | None, ...], Value] = {}
        self.get = self._kept.get

    def keep(self, key: tuple[str | None, ...], value: Value, cost: int) -> None:
        """Keep a value that holds `cost` bytes, and its key: that is of headers, as long as strangers like.

        Where all would be too many, forget the others first.
        """
        cost += sum(len(part or "") for part in key)
        if cost > self._limit // 4:
            return
        if self._used + cost > self._limit:
            self._kept.clear()
            self._used = 0
        self._kept[key] = value
        self._used += cost
