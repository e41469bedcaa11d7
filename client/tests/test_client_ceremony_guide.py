"""docs/ceremony.md, followed word for word."""

import shlex
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from client.tests.ceremonies import PASSPHRASE
from indexsite_client.ceremony.commands import ceremony
from indexsite_client.ceremony.errors import MissingKeysError
from indexsite_client.cli import commands

GUIDE = Path(__file__).parents[2] / "docs" / "ceremony.md"
TYPED = {
    "key": f"{PASSPHRASE}\n{PASSPHRASE}\n",
    "sign": f"y\n{PASSPHRASE}\n" + "y\n" * 9,
    "export": f"{PASSPHRASE}\n{PASSPHRASE}\n",
    "open": f"{PASSPHRASE}\n",
}


def follow(line: str) -> Result:
    _, *arguments = shlex.split(line)
    return CliRunner().invoke(commands, arguments, input=TYPED.get(arguments[1], ""))


@pytest.mark.usefixtures("no_network")
def test_the_guide_can_be_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = [line.strip() for line in GUIDE.read_text().splitlines() if line.startswith("    ")]
    done: list[str] = []
    for line in lines:
        if line.startswith("cp -r "):
            source, target = line.split()[2:]
            shutil.copytree(source, target)
        elif line.startswith("indexsite ceremony "):
            result = follow(line)
            done.append(line)
            if "dora" in line:  # the guide says that it asks for a key
                assert isinstance(result.exception, MissingKeysError)
                assert "--holder dora" in str(result.exception)
                assert follow("indexsite ceremony key ceremony --holder dora").exit_code == 0
                assert follow("indexsite ceremony draft ceremony").exit_code == 0
            else:
                assert result.exit_code == 0, f"{line}\n{result.output}\n{result.exception}"
    assert {line.split()[2] for line in done} == set(ceremony.commands)
    published = {path.name for path in Path("ceremony/metadata").iterdir()}
    assert published >= {"1.root.json", "2.root.json", "2.claimed.json"}
    assert Path("opened/metadata/2.root.json").read_bytes() == Path("ceremony/metadata/2.root.json").read_bytes()
    assert Path("stick/hashes.txt").exists()
