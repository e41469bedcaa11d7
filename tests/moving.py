"""Folders to import, and the import of one as an administrator runs it."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.running import CHECKOUT, RunningIndex

YEAR_2001 = 1_000_000_000  # seconds since 1970, and so many more for each file


def lay_out(folder: Path, files: Mapping[str, bytes], *, first: int = YEAR_2001) -> Path:
    """Write files under their paths, each a second younger than the one before."""
    for number, (path, content) in enumerate(files.items()):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        os.utime(target, (first + number, first + number))
    return folder


def run_import(
    index: RunningIndex, folder: Path, *arguments: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    """`manage.py import_files`, whatever comes of it."""
    command = [sys.executable, str(CHECKOUT / "manage.py"), "import_files", str(folder), *arguments]
    environment = {**index.environment, **variables}
    return subprocess.run(command, env=environment, cwd=CHECKOUT, capture_output=True, text=True, timeout=120)


def import_report(index: RunningIndex, folder: Path, *arguments: str) -> Any:  # Any: JSON
    """What it writes for programs; it lies beside the folder."""
    path = folder.parent / f"{folder.name}-report.json"
    done = run_import(index, folder, "--report", str(path), *arguments)
    assert path.exists(), done.stderr
    report = json.loads(path.read_text())
    assert done.returncode == (1 if report["refused"] else 0), done.stderr
    path.unlink()
    return report
