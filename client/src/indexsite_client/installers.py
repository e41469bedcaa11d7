"""Which installers the client drives, and which of their arguments it refuses. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from indexsite_client.errors import InstallerRefusedError, SourceRefusedError
from indexsite_client.grammars import PIP, SOURCE_LETTERS, UV, Grammar


@dataclass(frozen=True, slots=True)
class Installer:
    """A command that was understood: `arguments` are those after `pip` or `uv pip`, global ones of uv before."""

    grammar: Grammar
    command: tuple[str, ...]
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RequirementFile:
    """A file that the installer reads requirements from; not `certain` where the word may mean something else."""

    path: str
    certain: bool = True


_PYTHON = re.compile(r"python(\d+(\.\d+)?t?)?")
_PIP = re.compile(r"pip(\d+(\.\d+)?)?")
_BEGINNING = r"(^|[@=\s\"'])-{0,2}"  # of a word, its value or its URL; `-egit+...` glues them
_DIRECT = re.compile(
    rf"{_BEGINNING}[a-z][a-z0-9+.-]+:|{_BEGINNING}[a-z]*(git|hg|svn|bzr)\+|[a-z][a-z0-9+.-]*://|@\s*\S*\$\{{",
    re.IGNORECASE,
)
_HASH = re.compile(r"--hash[=\s]\s*(sha256|sha384|sha512):(?=[0-9a-f]+(\s|$))")
_DROPPED = re.compile(r"[\x00-\x1f\"'\\]")  # by readers of URLs, and where shells join words


def recognize(command: Sequence[str]) -> Installer:
    """Understand the command; raises InstallerRefusedError for anything but pip and uv pip."""
    name = PurePath(command[0]).name.lower().removesuffix(".exe") if command else ""
    rest = list(command[1:])
    if _PIP.fullmatch(name):
        return Installer(PIP, tuple(command), tuple(rest))
    if _PYTHON.fullmatch(name):
        while rest and rest[0] in {"-I", "-E", "-s", "-S", "-B", "-u"}:
            rest.pop(0)
        if rest[:2] == ["-m", "pip"]:
            return Installer(PIP, tuple(command), tuple(rest[2:]))
    if name == "uv":
        position = next((i for i, word in enumerate(rest) if not word.startswith("-")), len(rest))
        if rest[position : position + 1] == ["pip"]:
            return Installer(UV, tuple(command), tuple(rest[:position] + rest[position + 1 :]))
    raise InstallerRefusedError(
        f"{' '.join(command[:3])!r} is not an installer that can be driven safely; "
        "use `pip ...`, `python -m pip ...` or `uv pip ...`."
    )


def check_arguments(installer: Installer) -> tuple[RequirementFile, ...]:
    """The requirement files that the arguments name; raises SourceRefusedError for arguments that name a source."""
    files: list[RequirementFile] = []
    grammar, words = installer.grammar, iter(installer.arguments)
    reads_files = any(word in grammar.file_commands for word in installer.arguments)
    for word in words:
        if not word.startswith("--group="):  # its path is looked at below
            refuse_direct(word)
        if word.startswith("--") and word != "--":
            files += _check_long(word, words, grammar)
        elif word.startswith("-") and word != "-":
            files += _check_short(word, words, grammar)
        elif reads_files and word not in grammar.file_commands:
            files.append(RequirementFile(word, certain=word == "-"))
    for file in files:
        refuse_direct(file.path)
        if file.path.startswith("-") and file.path != "-":  # an option, should the installer read the words otherwise
            raise refuse_option(file.path)
    return tuple(files)


def refuse_direct(text: str, *, where: str = "The argument") -> None:
    """Raise SourceRefusedError where the text holds a direct reference (PEP 440, PEP 508).

    `https:host` is one too: whatever begins as a URL does, but for one letter, which is a Windows drive.
    """
    plain = _HASH.sub("", text)
    if _DIRECT.search(plain) or _DIRECT.search(_DROPPED.sub("", plain)):
        raise SourceRefusedError(
            f"{where} {_redact(text)!r} names a source of its own, but only the trusted index is used. Give a name."
        )


def refuse_option(name: str, *, where: str = "The argument") -> SourceRefusedError:
    """The refusal of an option, to be raised."""
    return SourceRefusedError(
        f"{where} {name!r} leads to another source of packages, but only the trusted index is used. Remove it, or "
        "run the installer without `indexsite run`."
    )


def _check_long(word: str, words: Iterator[str], grammar: Grammar) -> Iterator[RequirementFile]:
    name, equals, value = word.partition("=")
    if grammar.is_source(name):
        raise refuse_option(name)
    if grammar.is_file(name):
        yield RequirementFile(value if equals else next(words, ""))
    elif name == "--group":
        path, colon, _group = (value if equals else next(words, "")).rpartition(":")
        yield RequirementFile(path if colon else "pyproject.toml")


def _check_short(word: str, words: Iterator[str], grammar: Grammar) -> Iterator[RequirementFile]:
    """Walk a cluster of short options such as `-qrfile` up to the first that takes a value."""
    for position, letter in enumerate(word[1:], start=1):
        if letter in SOURCE_LETTERS:
            raise refuse_option(f"-{letter}")
        if letter in grammar.value_letters:
            glued = word[position + 1 :].removeprefix("=")
            if letter in grammar.file_letters:
                yield RequirementFile(glued or next(words, ""))
            return


def _redact(text: str) -> str:
    """The text without what stands before an @ in a URL, which may be a password."""
    return re.sub(r"//[^/@\s]*@", "//...@", text)
