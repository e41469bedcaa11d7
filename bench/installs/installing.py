"""One install: which command, in which environment, and whether everything really is where it should be."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bench.errors import InstallFaultyError, last_line
from bench.installs.packages import COUNT, TOP
from bench.processes import run_command

SECONDS = 120
BIN = Path(sys.executable).parent
# what the caller's configuration of installers must not change
_IGNORED = ("PIP_", "UV_", "INDEXSITE_", "DJANGO_", "XDG_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "PYTHONPATH")


class Installer(StrEnum):
    """Who installs."""

    PIP = "pip"
    UV = "uv"


@dataclass(frozen=True, slots=True)
class Home:
    """A user's home folder, in which our client keeps what it trusts and what it has fetched."""

    folder: Path

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(_IGNORED)}
        return {
            **kept,
            "HOME": str(self.folder),
            "XDG_DATA_HOME": str(self.folder / "data"),
            "XDG_CACHE_HOME": str(self.cache),
            "XDG_CONFIG_HOME": str(self.folder / "config"),
            "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "PIP_CONFIG_FILE": os.devnull,
            "UV_NO_CONFIG": "1",
            "NO_PROXY": "127.0.0.1",
        }

    def forget_fetched(self) -> None:
        """Make the client know nothing but the roots that it has pinned."""
        shutil.rmtree(self.cache, ignore_errors=True)

    def trust(self, base: str, fingerprint: str) -> None:
        """Pin the root of the index at `base`; raises CommandFailedError."""
        command = (str(BIN / "indexsite"), "trust", f"{base}/", "--fingerprint", fingerprint, "--development")
        run_command("indexsite trust", command, self.environment())


def install_plain(installer: Installer, home: Home, target: Path, *, base: str) -> float:
    """Seconds of an install from the index at `base`; raises InstallFaultyError."""
    source = {
        Installer.PIP: ("--disable-pip-version-check", "--index-url", f"{base}/simple/"),
        Installer.UV: ("--default-index", f"{base}/simple/"),
    }
    return _time((*_command(installer, target), *source[installer], TOP), home, target)


def install_verified(installer: Installer, home: Home, target: Path, *, base: str) -> float:
    """Seconds of an install through our client, from the index at `base`, which must be trusted."""
    client = (str(BIN / "indexsite"), "run", "--index", f"{base}/", "--")
    return _time((*client, *_command(installer, target), TOP), home, target)


def _command(installer: Installer, target: Path) -> tuple[str, ...]:
    if installer is Installer.PIP:
        return ("pip", "install", "--quiet", "--no-cache-dir", "--target", str(target))
    return ("uv", "pip", "install", "--quiet", "--no-cache", "--target", str(target))


def _time(command: Iterable[str], home: Home, target: Path) -> float:
    shutil.rmtree(target, ignore_errors=True)
    before = time.perf_counter()
    done = subprocess.run(
        [*command],
        env=home.environment(),
        cwd=home.folder,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    taken = time.perf_counter() - before
    if done.returncode != 0:
        raise InstallFaultyError(" ".join(command), last_line(done.stderr or done.stdout))
    found = len(list(target.glob("*.dist-info")))
    if found != COUNT:
        raise InstallFaultyError(" ".join(command), f"it installed {found} packages, not {COUNT}")
    return taken
