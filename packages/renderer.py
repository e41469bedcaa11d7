"""Has METADATA described by a process of its own, which is killed where it takes too long or too much."""

import json
from dataclasses import dataclass, field, replace
from typing import Any

from packages.piped import PipedProcess

CPU_SECONDS = 10  # for one description, which a busy machine makes no shorter
_SECONDS = 60.0  # of the clock, should it wait for something
PLAIN, RENDER = b"p", b"r"  # the kinds of jobs


class RenderingFailedError(Exception):
    """The process that renders died, or was killed for taking too long."""

    code = "rendering-failed"

    def __init__(self) -> None:
        super().__init__(f"Rendering the description took more than {CPU_SECONDS} s or too much memory.")


@dataclass(frozen=True, slots=True)
class Described:
    """What METADATA says. `fault` is why there is nothing, or no more than the text as it stands."""

    metadata: dict[str, Any] = field(default_factory=dict)  # Any: JSON
    text: str = ""
    html: str = ""
    fault: str = ""


class Renderer:
    """Use it in a `with` block: the process is started when it is needed first, and ends with the block."""

    def __init__(self, *, seconds: float = _SECONDS) -> None:
        self._process = PipedProcess("packages.describing", seconds=seconds)

    def __enter__(self) -> "Renderer":
        return self

    def __exit__(self, *error: object) -> None:
        self._process.end()

    def describe(self, content: bytes) -> Described:
        """What METADATA says; where rendering fails, with the description as it was written. Never raises for that."""
        try:
            return self._ask(RENDER, content)
        except RenderingFailedError as failure:
            fault = str(failure)
        try:
            return replace(self._ask(PLAIN, content), fault=fault)
        except RenderingFailedError:
            return Described(fault=fault)

    def _ask(self, kind: bytes, content: bytes) -> Described:
        answer = self._process.ask(kind + content)
        if answer is None:
            raise RenderingFailedError
        return Described(**json.loads(answer))
