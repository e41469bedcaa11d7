"""wrk and nginx: those of the machine, or Debian's packages unpacked in the work folder.

Unpacked, not installed: that needs no root, and a benchmark should not leave a web server running on port 80.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.errors import ToolMissingError, last_line
from bench.places import WORK

FETCH_SECONDS = 300
PACKAGES = {"wrk": ("wrk", "libluajit-5.1-2"), "nginx": ("nginx",)}
FOLDERS = ("usr/bin", "usr/sbin")


@dataclass(frozen=True, slots=True)
class Program:
    """A program, and the folder of the libraries that were unpacked with it."""

    path: str
    libraries: str = ""

    def environment(self) -> dict[str, str]:
        return {**os.environ, "LD_LIBRARY_PATH": self.libraries} if self.libraries else dict(os.environ)


def find_program(name: str) -> Program:
    """The program of the machine or of the work folder, fetched if need be; it was run once to see that it can."""
    if there := shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))):
        return Program(there)
    root = WORK / "debian" / name
    if not (program := _unpacked(root, name)):
        _fetch(name, root)
        program = _unpacked(root, name)
    if not program:
        raise ToolMissingError(name, "its package does not hold it")
    seen = subprocess.run([program.path, "-v"], env=program.environment(), capture_output=True, text=True, check=False)
    if seen.returncode == 127:
        raise ToolMissingError(name, last_line(seen.stderr))
    return program


def _unpacked(root: Path, name: str) -> Program | None:
    libraries = os.pathsep.join(str(folder) for folder in sorted(root.glob("usr/lib/*-linux-gnu*")))
    paths = (root / folder / name for folder in FOLDERS)
    return next((Program(str(path), libraries) for path in paths if path.is_file()), None)


def _fetch(name: str, root: Path) -> None:
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise ToolMissingError(name, "this machine has no apt-get")
    downloads = WORK / "debian" / "downloads" / name
    shutil.rmtree(downloads, ignore_errors=True)
    downloads.mkdir(parents=True)
    fetched = _run(["apt-get", "download", *PACKAGES[name]], downloads)
    if fetched.returncode != 0 and os.geteuid() == 0:
        _run(["apt-get", "update"], downloads)
        fetched = _run(["apt-get", "download", *PACKAGES[name]], downloads)
    if fetched.returncode != 0:
        raise ToolMissingError(name, last_line(fetched.stderr))
    root.mkdir(parents=True, exist_ok=True)
    for package in sorted(downloads.glob("*.deb")):
        _run(["dpkg-deb", "-x", str(package), str(root)], downloads)


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=FETCH_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        raise ToolMissingError(command[0], f"no answer within {FETCH_SECONDS} s") from None
