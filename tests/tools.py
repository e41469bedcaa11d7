"""Other projects' command-line tools, each installed once into an environment of its own below `.venv/tools/`."""

import fcntl
import hashlib
import subprocess
import sys
from pathlib import Path

from tests.databases import missing_part
from tests.running import BIN, CHECKOUT

_FOLDER = CHECKOUT / ".venv" / "tools"
_LOCKS = CHECKOUT / "tests" / "locks"


def tool(name: str) -> Path:
    """The command of a tool as locked in `tests/locks/`; skips, or fails in CI, where it cannot be installed."""
    lock = _LOCKS / f"{name}.lock"
    folder = _FOLDER / f"{name}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.parent / f"{name}.busy", "w") as busy:
        fcntl.flock(busy, fcntl.LOCK_EX)  # several processes test at once
        if not (folder / "complete").exists():
            _install(lock, folder)
            (folder / "complete").touch()
    return folder / "bin" / name


def _install(lock: Path, folder: Path) -> None:
    uv, python = str(BIN / "uv"), str(folder / "bin" / "python")
    for command in (
        [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)],
        [uv, "pip", "install", "--quiet", "--python", python, "--require-hashes", "--requirement", str(lock)],
    ):
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        if done.returncode != 0:
            missing_part(f"{lock.stem} cannot be installed: {done.stderr[-500:]}")
