"""Checks a whole installer command, the requirements files that it names included, before anything is started."""

import os
import stat
from collections.abc import Mapping, Sequence

from indexsite_client.errors import SourceRefusedError, UsageError
from indexsite_client.installers import Installer, check_arguments, recognize
from indexsite_client.requirements import check_requirement_files

_MAX_REQUIREMENTS = 10_000_000


def check_command(command: Sequence[str], environment: Mapping[str, str]) -> Installer:
    """The installer, if it is one that we drive and neither arguments nor files name a source; else raises."""
    installer = recognize(command)
    files = check_arguments(installer)
    paths = [file.path for file in files if file.certain or os.path.isfile(file.path)]
    check_requirement_files(paths, read=read_requirements, environment=environment)
    return installer


def read_requirements(path: str) -> bytes:
    """A requirements file. It must be a regular one: what a pipe says to us it would not say again to the installer."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise SourceRefusedError(f"The requirements file {path} is no regular file; save it to one first.")
        with open(path, "rb") as file:
            data = file.read(_MAX_REQUIREMENTS + 1)
    except OSError as error:
        raise UsageError(f"The requirements file {path!r} cannot be read: {error.strerror}.") from error
    if len(data) > _MAX_REQUIREMENTS:
        raise SourceRefusedError(f"The requirements file {path} is longer than {_MAX_REQUIREMENTS} bytes.")
    return data
