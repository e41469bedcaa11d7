"""What tests of backups do: run a command whatever comes of it, and upload until it is listed."""

import subprocess
import sys

from tests.distributions import wheel
from tests.running import CHECKOUT, RunningIndex

SMALL = {"INDEXSITE_BINS": "4"}


def run(index: RunningIndex, *arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
    """A management command, whatever comes of it."""
    command = [sys.executable, str(CHECKOUT / "manage.py"), *map(str, arguments)]
    environment = {**index.environment, **variables}
    return subprocess.run(command, env=environment, cwd=CHECKOUT, capture_output=True, text=True, timeout=300)


def upload(index: RunningIndex, token: str, name: str, version: str) -> str:
    filename, content = wheel(name, version)
    assert index.post_upload(filename, content, token=token).status == 200
    index.wait_until_listed(name, filename)
    return filename
