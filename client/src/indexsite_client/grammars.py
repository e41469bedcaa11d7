"""What the command lines of pip and uv say about sources of packages. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Grammar:
    """What matters here of an installer's command line.

    `sources` name a source, reach one another way, or undo what the environment sets; `files` name files of
    requirements or constraints. Letters are of short options. pip takes any unambiguous beginning of a long option, so
    every beginning counts as the option, but those in `harmless`, which are options of their own.
    `file_commands` take requirement files without an option.
    """

    sources: frozenset[str]
    files: frozenset[str]
    file_letters: str
    value_letters: str
    harmless: frozenset[str] = frozenset()
    file_commands: frozenset[str] = frozenset()

    def is_source(self, name: str) -> bool:
        return not self.is_file(name) and self._matches(name, self.sources)

    def is_file(self, name: str) -> bool:
        return self._matches(name, self.files)

    def _matches(self, name: str, options: frozenset[str]) -> bool:
        return len(name) > 2 and name not in self.harmless and any(option.startswith(name) for option in options)


PIP = Grammar(
    sources=frozenset(
        [
            "--index-url",
            "--pypi-url",
            "--extra-index-url",
            "--find-links",
            "--proxy",
            "--trusted-host",
            "--isolated",
            "--requirements-from-script",
        ]
    ),
    files=frozenset(["--requirement", "--constraint", "--build-constraint"]),
    file_letters="rc",
    value_letters="rcetdCwpbP",
)
UV = Grammar(
    sources=frozenset(
        [
            "--index-url",
            "--extra-index-url",
            "--find-links",
            "--index",
            "--default-index",
            "--trusted-host",
            "--allow-insecure-host",
            "--config-file",
            "--directory",
            "--project",
            "--torch-backend",
            "--proxy",
        ]
    ),
    files=frozenset(
        [
            "--requirement",
            "--requirements",
            "--constraint",
            "--constraints",
            "--override",
            "--overrides",
            "--exclude",
            "--excludes",
            "--build-constraint",
            "--build-constraints",
        ]
    ),
    file_letters="rcb",
    value_letters="rcbetpPCo",
    harmless=frozenset({"--extra"}),
    file_commands=frozenset({"sync", "compile"}),
)
SOURCE_LETTERS = "if"
