"""How far an import is: a bar on a terminal, a line for each tenth where nobody watches."""

from typing import TextIO

_WIDTH = 30


class Progress:
    """Told of each file that is done; `now` are seconds on any clock that does not go back."""

    def __init__(self, out: TextIO, *, total: int, now: float) -> None:
        self._out, self._total, self._begun = out, total, now
        self._is_terminal = out.isatty()
        self._done, self._shown_at, self._tenth = 0, now, 0

    def advance(self, *, now: float) -> None:
        """One file more."""
        self._done += 1
        if self._is_terminal and (now - self._shown_at >= 0.1 or self._done == self._total):
            self._shown_at = now
            self._out.write(f"\r\x1b[2K{self._bar()} {self._words(now)}")
            self._out.flush()
        elif not self._is_terminal and (tenth := self._done * 10 // self._total) > self._tenth:
            self._tenth = tenth
            self._out.write(f"{self._words(now)}\n")
            self._out.flush()

    def end(self) -> None:
        """Nothing more is shown on this line."""
        if self._is_terminal and self._done:
            self._out.write("\n")

    def _bar(self) -> str:
        full = _WIDTH * self._done // self._total
        return f"[{'█' * full}{'░' * (_WIDTH - full)}]"

    def _words(self, now: float) -> str:
        elapsed = now - self._begun
        words = f"{self._done} of {self._total} files, {100 * self._done // self._total} %"
        if elapsed > 1 and self._done:
            left = round(elapsed / self._done * (self._total - self._done))
            words += f", {self._done / elapsed:.0f} a second, {left // 60}:{left % 60:02} left"
        return words
