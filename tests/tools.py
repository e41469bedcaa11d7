"""Other projects' command-line tools, each installed once into an environment of its own below `.venv/tools/`."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

from tests.databases import missing_part
from tests.running import BIN, CHECKOUT

_FOLDER = CHECKOUT / ".venv" / "tools"
VERSIONS = {"poetry": "2.2.1", "flit": "3.12.0", "hatch": "1.15.1", "pdm": "2.26.1"}


def tool(name: str) -> Path:
    """The tool's command; the test is skipped, or fails in CI, where it cannot be installed."""
    version = VERSIONS[name]
    folder = _FOLDER / f"{name}-{version}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.parent / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several processes test at once
        if not (folder / "complete").exists():
            _install(f"{name}=={version}", folder)
            (folder / "complete").touch()
    return folder / "bin" / name


def _install(requirement: str, folder: Path) -> None:
    uv, python = str(BIN / "uv"), str(folder / "bin" / "python")
    for command in (
        [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)],
        [uv, "pip", "install", "--quiet", "--python", python, requirement],
    ):
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=dict(os.environ))
        if done.returncode != 0:
            missing_part(f"{requirement} cannot be installed: {done.stderr[-500:]}")
