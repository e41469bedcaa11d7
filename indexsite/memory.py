"""How a process of many threads asks its system for memory."""

import ctypes

_M_ARENA_MAX = -8  # mallopt(3)
_ARENAS = 2


def share_arenas() -> None:
    """Let all threads allocate from two arenas. By default glibc gives nearly each its own, and what one has freed
    there no other uses: memory grows for as long as threads meet their first large answer. Call it before threads are.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # only glibc has arenas
        mallopt(_M_ARENA_MAX, _ARENAS)
