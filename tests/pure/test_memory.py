"""Arenas of the allocator: few, however many threads there are."""

import ctypes
import subprocess
import sys

import pytest

COUNT_ARENAS = """
import ctypes, threading
from indexsite.memory import share_arenas
{first}
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.fopen.restype = ctypes.c_void_p, ctypes.c_void_p
all_there = threading.Barrier(8)
def allocate():
    libc.malloc(ctypes.c_size_t(1000))
    all_there.wait(30)
threads = [threading.Thread(target=allocate) for _ in range(8)]
[each.start() for each in threads]
[each.join() for each in threads]
libc.malloc_info(0, ctypes.c_void_p(libc.fopen(b"/dev/stdout", b"w")))
libc.fflush(None)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_info"), reason="only glibc has arenas that can be counted")
def test_many_threads_share_few_arenas() -> None:
    def arenas(first: str) -> int:
        code = COUNT_ARENAS.format(first=first)
        told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
        return told.stdout.count("<heap nr=")

    assert arenas("") > 2
    assert arenas("share_arenas()") == 2
