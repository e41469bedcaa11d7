"""What a verified wheel puts where: the sha256 of each file as an installer would write it."""

import configparser
import hashlib
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from indexsite_client.errors import VerificationError
from indexsite_client.verification.environments import Environment

_MAX_MEMBERS = 500_000
_MAX_TOTAL = 20_000_000_000  # bytes of all members together
MAX_SCRIPT = 20_000_000
_CHUNK = 1024 * 1024
_PLACEHOLDER = b"#!python"  # installers put the environment's interpreter here (PyPA: binary distribution format)
_REWRITTEN = frozenset(["RECORD", "RECORD.jws", "RECORD.p7s"])


@dataclass
class WheelContents:
    """A wheel's files by their places in an environment. A script's hash is that of what follows its first line."""

    files: dict[Path, str] = field(default_factory=dict)
    scripts: dict[Path, str] = field(default_factory=dict)
    rewritten: set[Path] = field(default_factory=set)  # the installer writes its own
    generated: set[Path] = field(default_factory=set)  # started by entry points
    elsewhere: int = 0  # files whose place only the installer knows


def read_wheel(file: BinaryIO, library: Path, environment: Environment) -> WheelContents:
    """Hash every member, within bounds; raises VerificationError where the archive cannot be read in one way."""
    found = WheelContents()
    try:
        with zipfile.ZipFile(file) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            if len(members) > _MAX_MEMBERS or sum(member.file_size for member in members) > _MAX_TOTAL:
                raise VerificationError("The wheel has more files or bytes than any real one; nothing was compared.")
            for member in members:
                _add(found, archive, member, library, environment)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise VerificationError(f"The wheel cannot be read as an archive ({error}); nothing was compared.") from error
    return found


def _add(
    found: WheelContents, archive: zipfile.ZipFile, member: zipfile.ZipInfo, library: Path, environment: Environment
) -> None:
    path = PurePosixPath(member.filename)
    if path.is_absolute() or ".." in path.parts or "\\" in member.filename:
        raise VerificationError(f"The wheel has a file named {member.filename[:200]!r}; nothing was compared.")
    if path.parts[0].endswith(".data"):
        _add_data(found, archive, member, library, environment)
        return
    if len(path.parts) == 2 and path.parts[0].endswith(".dist-info"):
        if path.name in _REWRITTEN:
            found.rewritten.add(library / path)
            return
        if path.name == "entry_points.txt":
            found.generated |= {environment.scripts / name for name in _entry_points(_head(archive, member))}
    found.files[library / path] = _hash(archive, member)


def _add_data(
    found: WheelContents, archive: zipfile.ZipFile, member: zipfile.ZipInfo, library: Path, environment: Environment
) -> None:
    """A file of `NAME.data/SCHEME/`."""
    _data, scheme, *rest = PurePosixPath(member.filename).parts
    place = Path(*rest)
    if scheme in {"purelib", "platlib"}:
        found.files[library / place] = _hash(archive, member)
    elif scheme == "data":
        found.files[environment.prefix / place] = _hash(archive, member)
    elif scheme == "scripts" and _head(archive, member, len(_PLACEHOLDER)) == _PLACEHOLDER:
        body = _head(archive, member).partition(b"\n")[2]
        found.scripts[environment.scripts / place] = hashlib.sha256(body).hexdigest()
    elif scheme == "scripts":
        found.files[environment.scripts / place] = _hash(archive, member)
    else:
        found.elsewhere += 1


def _hash(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> str:
    hashing = hashlib.sha256()
    with archive.open(member) as stream:
        while chunk := stream.read(_CHUNK):
            hashing.update(chunk)
    return hashing.hexdigest()


def _head(archive: zipfile.ZipFile, member: zipfile.ZipInfo, length: int = MAX_SCRIPT) -> bytes:
    with archive.open(member) as stream:
        return stream.read(length)


def _entry_points(data: bytes) -> set[str]:
    """The names of the programs that an installer makes."""
    parser = configparser.RawConfigParser(delimiters=("=",), strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their case, as the documentation has it
    try:
        parser.read_string(data.decode("utf-8"))
    except (configparser.Error, UnicodeDecodeError):
        return set()
    sections = [section for section in ("console_scripts", "gui_scripts") if parser.has_section(section)]
    names = {name for section in sections for name in parser.options(section)}
    return {name for name in names if "/" not in name and name not in {".", ".."}}
