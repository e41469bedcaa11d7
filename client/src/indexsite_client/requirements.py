"""Looks through requirements and constraints files for anything that would reach a source other than the index.

Pure over a reader. pip and uv read these files a little differently, so each line is looked at in both ways, and what
either could take as a source is refused; a file that cannot be read in one clear way is refused as a whole.
"""

import codecs
import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from email.parser import BytesHeaderParser
from email.policy import compat32
from typing import Any

from indexsite_client.errors import SourceRefusedError
from indexsite_client.grammars import PIP, UV
from indexsite_client.installers import refuse_direct, refuse_option

Reader = Callable[[str], bytes]

_BOMS = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_CODING = re.compile(r"#.*coding[:=]\s*([-\w.]+)")
_COMMENT = re.compile(r"(^|\s)#.*$")
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
_FILE_OPTION = re.compile(r"-([rc])=?(.+)")
_VERSION_CONTROL = re.compile(r"@\s*(git|hg|svn|bzr)\+", re.IGNORECASE)
_MAX_FILES = 200


def check_requirement_files(paths: list[str], *, read: Reader, environment: Mapping[str, str]) -> None:
    """Raise SourceRefusedError, naming file and line, if these files or any that they include name a source."""
    waiting, seen = list(paths), set[str]()
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        if len(seen) > _MAX_FILES:
            raise SourceRefusedError(f"More than {_MAX_FILES} requirements files include each other; use fewer.")
        waiting += _check_file(path, read, environment)


def check_requirements(metadata: bytes, filename: str) -> None:
    """Raise SourceRefusedError if this core metadata requires something from version control.

    Other direct references end at the proxy, but not every version control tool asks it.
    """
    requirements = BytesHeaderParser(policy=compat32).parsebytes(metadata).get_all("Requires-Dist", [])
    for requirement in map(str, requirements):
        if _VERSION_CONTROL.search(requirement):
            raise SourceRefusedError(
                f"{filename} requires {requirement.split('@')[0].strip()!r} from version control, but only the "
                "trusted index is used. Ask its maintainers for a release that does not, or use an older one."
            )


def _check_file(path: str, read: Reader, environment: Mapping[str, str]) -> Iterator[str]:
    """Check one file; yield the paths that it includes."""
    refuse_direct(path, where="The requirements file")
    suffix = os.path.splitext(path)[1].lower()
    if suffix == ".toml":
        _check_toml(path, read(path))
        return
    if suffix in {".py", ".pyw", ".cfg"}:
        raise SourceRefusedError(
            f"{path}: requirements are read from text files and pyproject.toml only; export a text file."
        )
    text = _decode(path, read(path))
    for number, line in _lines(text):
        expanded = _VARIABLE.sub(lambda match: environment.get(match[1]) or match[0], line)
        for included in _check_line(expanded, f"{path}:{number}: the option"):
            yield os.path.join(os.path.dirname(path), included)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Each physical line, and each line as joined by trailing backslashes, without comments."""
    joined = ""
    for number, raw in enumerate(text.splitlines(), start=1):
        yield number, _COMMENT.sub("", raw)
        if raw.endswith("\\") and not raw.lstrip().startswith("#"):
            joined += raw[:-1]
            continue
        if joined:
            yield number, _COMMENT.sub("", joined + raw)
            joined = ""
    if joined:
        yield number, _COMMENT.sub("", joined)


def _check_line(line: str, where: str) -> Iterator[str]:
    """Refuse the line or yield the files that it includes. Quotes and backslashes are dropped, as shells join words."""
    words = iter(re.sub(r"[\"'\\]", "", line).split())
    for word in words:
        name, equals, value = word.partition("=")
        if name.startswith("--") and (PIP.is_source(name) or UV.is_source(name)):
            raise refuse_option(name, where=where)
        if word.startswith(("-i", "-f")):
            raise refuse_option(word[:2], where=where)
        if name.startswith("--") and (PIP.is_file(name) or UV.is_file(name)):
            yield value if equals else next(words, "")
        elif match := _FILE_OPTION.fullmatch(word):
            yield match[2]
        elif word in {"-r", "-c"}:
            yield next(words, "")
    refuse_direct(line, where=where.replace("the option", "the requirement"))


def _decode(path: str, data: bytes) -> str:
    if data.startswith(_BOMS):
        raise SourceRefusedError(f"{path} is not in UTF-8, so installers may read it differently; save it as UTF-8.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceRefusedError(
            f"{path} is not in UTF-8, so installers may read it differently; save it as UTF-8."
        ) from error
    for line in text.splitlines()[:2]:
        declared = _CODING.match(line.lstrip())
        if declared and declared[1].lower().replace("_", "-") not in {"utf-8", "utf8", "ascii"}:
            raise SourceRefusedError(f"{path} declares the encoding {declared[1]}; save it as UTF-8 without that line.")
    return text


def _check_toml(path: str, data: bytes) -> None:
    """Refuse direct references in what installers read of a pyproject.toml; they are told to ignore its [tool]."""
    name = os.path.basename(path).lower()
    if name != "pyproject.toml":
        raise SourceRefusedError(f"{path}: lock files name sources of their own; export a requirements file instead.")
    try:
        document = tomllib.loads(data.decode("utf-8"))
    except ValueError as error:
        raise SourceRefusedError(f"{path} is not valid TOML: {error}.") from error
    project = document.get("project") or {}
    parts = [project.get("dependencies"), project.get("optional-dependencies")]
    parts += [document.get("dependency-groups"), (document.get("build-system") or {}).get("requires")]
    for requirement in _strings(parts):
        refuse_direct(requirement, where=f"{path}: the requirement")


def _strings(value: Any) -> Iterator[str]:  # Any: a part of a TOML document
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each)
