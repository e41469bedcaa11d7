"""Virtual environments of the peers: made once, reused while their requirements stay the same."""

import shutil
import subprocess
import sys
from pathlib import Path

from bench.errors import InstallFailedError
from bench.places import WORK

INSTALL_SECONDS = 600


def make_venv(name: str, requirements: tuple[str, ...]) -> Path:
    """The `bin` folder of an environment that holds these requirements, from the index that this machine uses."""
    folder = WORK / "venvs" / name
    marker = folder / "bench-requirements.txt"
    wanted = "".join(f"{requirement}\n" for requirement in requirements)
    if marker.is_file() and marker.read_text() == wanted:
        return folder / "bin"
    shutil.rmtree(folder, ignore_errors=True)
    uv = str(Path(sys.executable).with_name("uv"))
    for command in (
        [uv, "venv", "--quiet", "--python", sys.executable, str(folder)],
        [uv, "pip", "install", "--quiet", "--python", str(folder), *requirements],
    ):
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise InstallFailedError(name, str(error)) from error
        if done.returncode != 0:
            raise InstallFailedError(name, done.stderr)
    marker.write_text(wanted)
    return folder / "bin"
