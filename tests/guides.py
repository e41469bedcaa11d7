"""Guides for operators, followed word for word: each line behind a prompt is run where the prompt says."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.running import BIN, CHECKOUT, RunningIndex

PASSPHRASE = "six words that nobody would guess"
ADDRESS = "https://index.example.org"
_BLOCK = re.compile(r"^```(console|ini)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TYPED = {
    "indexsite ceremony key": f"{PASSPHRASE}\n{PASSPHRASE}\n",
    "indexsite ceremony sign": f"y\n{PASSPHRASE}\n" + "y\n" * 9,
    "cat >": PASSPHRASE,
}


@dataclass(frozen=True, slots=True)
class Step:
    """A line of a guide: `where` is server, desk or user; or `environment`, for a setting."""

    where: str
    line: str


def steps(guide: Path, section: str) -> list[Step]:
    """The lines of a section, by its title, in their order."""
    [text] = re.findall(rf"^## {re.escape(section)}\n(.*?)(?=^## |\Z)", guide.read_text(), re.MULTILINE | re.DOTALL)
    return list(_read(text))


def _read(text: str) -> Iterator[Step]:
    for kind, block in _BLOCK.findall(text):
        for line in block.splitlines():
            if kind == "ini":
                yield Step("environment", line)
            else:
                where, _, command = line.partition("$ ")
                assert where in {"server", "desk", "user"}, line
                yield Step(where, command)


@dataclass
class Reader:
    """Does what a guide says. `folder` stands for all three machines, `words` are what the reader fills in."""

    index: RunningIndex
    folder: Path
    words: dict[str, str] = field(default_factory=dict)

    def follow(self, guide: Path, section: str, *, first: int = 0, last: int | None = None) -> None:
        """Every line of a section, or some of them by their place; fails at the first one that fails."""
        for step in steps(guide, section)[first:last]:
            self._do(step)

    def _do(self, step: Step) -> None:
        line = self._filled_in(step.line)
        if step.where == "environment":
            name, _, value = line.partition("=")
            self.index.variables[name] = value
        elif line.startswith("systemctl "):
            self._systemctl(line.split()[1])
        else:
            self._note(step.line, self.run(step.where, line))

    def _filled_in(self, line: str) -> str:
        """With this test's address and folders instead of those of the guide."""
        for name in ("media", "etc", "backups", "var/lib"):
            (self.folder / name / ("indexsite" if "etc" in name else "")).mkdir(parents=True, exist_ok=True)
            line = re.sub(rf"(?<![\w.]){re.escape(f'/{name}/')}", f"{self.folder / name}/", line)
        for word, value in self.words.items():
            line = re.sub(rf"\b{word}\b", value, line)
        return line.replace(ADDRESS, self.index.url)

    def _systemctl(self, what: str) -> None:
        if what in {"stop", "restart"}:
            self.index.stop()
        if what in {"start", "restart"}:
            self.index.start()

    def run(self, where: str, line: str) -> str:
        """What a line says, typed there; passphrases are typed where they are asked for."""
        (self.folder / "media" / "stick").mkdir(parents=True, exist_ok=True)
        home = self.folder / where
        home.mkdir(exist_ok=True)
        line = re.sub(r"^manage\.py", shlex.join([sys.executable, str(CHECKOUT / "manage.py")]), line)
        path = f"{home}/venv/bin:{BIN}:{os.environ['PATH']}"
        environment = {"PATH": path, "HOME": str(home), "XDG_DATA_HOME": str(home / "data")}
        environment["EDITOR"] = "sed -i s/EDIT/Written/g"
        typed = next((text for start, text in _TYPED.items() if line.startswith(start)), "")
        done = subprocess.run(
            ["bash", "-c", line],
            env={**self.index.environment, **environment} if where == "server" else environment,
            cwd=home,
            input=typed,
            capture_output=True,
            text=True,
            timeout=300,
            start_new_session=True,  # without a terminal: passphrases are read from the input
        )
        assert done.returncode == 0, f"{where}$ {line}\n{done.stdout}{done.stderr}"
        return done.stdout

    def _note(self, line: str, said: str) -> None:
        """What a reader would copy from one command into another."""
        if "create_token" in line:
            self.words["TOKEN"] = said.splitlines()[-1]
        if "ceremony paper" in line:
            [written] = re.findall(r"^Fingerprint of the root.*\n +([0-9a-f ]+)$", said, re.MULTILINE)
            self.words["FINGERPRINT"] = written.replace(" ", "")
