"""Where an environment keeps what is installed, and what its folders say is installed; nothing of it is imported."""

import csv
import io
import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from email.policy import compat32
from pathlib import Path

from indexsite_client.errors import UsageError

_MAX_FILE = 50_000_000
_SCRIPT = "import json,sysconfig; p=sysconfig.get_paths(); print(json.dumps([p[n] for n in %r]))"
_PATHS = ("purelib", "platlib", "scripts", "data")


@dataclass(frozen=True, slots=True)
class Environment:
    """An environment's folders: `libraries` are its site-packages."""

    prefix: Path
    libraries: tuple[Path, ...]
    scripts: Path


@dataclass(frozen=True, slots=True)
class Installed:
    """What one `.dist-info` folder says; all of it may have been changed since the installation."""

    folder: Path
    name: str
    version: str
    tags: frozenset[str]
    recorded: tuple[Path, ...]  # absolute
    origin: str  # the direct URL it was installed from, empty for an index
    is_editable: bool

    @property
    def library(self) -> Path:
        return self.folder.parent


def environment_at(folder: Path) -> Environment:
    """The environment in this folder; raises UsageError where there is none."""
    prefix = Path(os.path.abspath(folder))
    found = {path.resolve(): path for path in sorted(prefix.glob("lib*/python3*/site-packages"), reverse=True)}
    if not found:
        raise UsageError(f"{folder} has no lib/python3.*/site-packages; give the folder of a virtual environment.")
    return Environment(prefix, tuple(found.values()), prefix / "bin")


def environment_of(python: Path) -> Environment:
    """The environment of an interpreter. That of a virtual environment is not started, since it is what is in doubt."""
    prefix = Path(os.path.abspath(python)).parent.parent
    if (prefix / "pyvenv.cfg").is_file():
        return environment_at(prefix)
    command = [os.fspath(python), "-I", "-S", "-c", _SCRIPT % (_PATHS,)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=60, check=True)
        purelib, platlib, scripts, data = (Path(path) for path in json.loads(done.stdout))
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise UsageError(f"{python} does not say where it keeps packages; give --environment FOLDER.") from error
    found = {path.resolve(): path for path in (purelib, platlib) if path.is_dir()}
    return Environment(data, tuple(found.values()), scripts)


def installed_in(environment: Environment) -> Iterator[Installed]:
    """Every distribution that says it is installed, by name."""
    folders = [path for library in environment.libraries for path in library.glob("*.dist-info") if path.is_dir()]
    for folder in sorted(folders):
        yield _read(folder)


def _read(folder: Path) -> Installed:
    headers = BytesHeaderParser(policy=compat32).parsebytes(read_bounded(folder / "METADATA"))
    wheel = BytesHeaderParser(policy=compat32).parsebytes(read_bounded(folder / "WHEEL"))
    origin, is_editable = _origin(read_bounded(folder / "direct_url.json"))
    spelled_name, _, spelled_version = folder.name.removesuffix(".dist-info").partition("-")
    return Installed(
        folder,
        str(headers.get("Name", spelled_name)),
        str(headers.get("Version", spelled_version)),
        frozenset(str(tag).strip() for tag in wheel.get_all("Tag", [])),
        tuple(_recorded(folder)),
        origin,
        is_editable,
    )


def _recorded(folder: Path) -> Iterator[Path]:
    """The files that the installer has noted, as absolute paths."""
    text = read_bounded(folder / "RECORD").decode("utf-8", "replace")
    for row in csv.reader(io.StringIO(re.sub(r"\0", "", text))):
        if row and row[0]:
            yield Path(os.path.normpath(folder.parent / row[0]))


def _origin(data: bytes) -> tuple[str, bool]:
    if not data:
        return "", False
    try:
        said = json.loads(data)
        return str(said.get("url", "?")), bool((said.get("dir_info") or {}).get("editable"))
    except (ValueError, AttributeError, RecursionError):
        return "?", False


def read_bounded(path: Path) -> bytes:
    """A small file's bytes; empty where it is missing, unreadable or absurdly long."""
    try:
        with open(path, "rb") as file:
            data = file.read(_MAX_FILE + 1)
    except OSError:
        return b""
    return data if len(data) <= _MAX_FILE else b""
