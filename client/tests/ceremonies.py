"""A ceremony driven by its command line, in this process and without sockets."""

import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from cryptography.hazmat.primitives.serialization import load_der_private_key
from securesystemslib.signer import CryptoSigner

from indexsite_client.ceremony.sealing import open_sealed
from indexsite_client.cli import commands
from indexsite_client.errors import ClientError

PASSPHRASE = "six words that nobody would guess"
HOLDERS = ("alice", "bob", "carol")


@dataclass
class Desk:
    """A machine without network: a folder of the ceremony, and the passphrase file of whoever sits there."""

    folder: Path

    @property
    def passphrase_file(self) -> Path:
        path = self.folder.parent / "passphrase"
        path.write_text(PASSPHRASE + "\n")
        return path

    def run(self, command: str, *arguments: str | Path, stdin: str = "", passphrase: bool = False) -> str:
        """What a command says; raises the refusal of one that fails."""
        said = ["ceremony", command, str(self.folder), *map(str, arguments)]
        if passphrase:
            said += ["--passphrase-file", str(self.passphrase_file)]
        done = CliRunner().invoke(commands, said, input=stdin, catch_exceptions=True)
        if isinstance(done.exception, ClientError):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done.output

    def begin(self, *options: str, holders: tuple[str, ...] = HOLDERS) -> "Desk":
        self.run("init", "--holders", ",".join(holders), *options)
        return self

    def make_keys(self, *names: str) -> "Desk":
        for name in names:
            self.run("key", *(["--online"] if name == "online" else ["--holder", name]), passphrase=True)
        return self

    def sign(self, *names: str) -> str:
        """Each signs what waits for them, having looked at it."""
        said = ""
        for name in names:
            said += self.run("sign", "--as", name, stdin="y\n" * 9, passphrase=True)
        return said

    def complete(self, *options: str) -> "Desk":
        """A whole first ceremony."""
        self.begin(*options).make_keys("online", *HOLDERS).run("draft")
        self.sign("alice", "bob")
        return self

    def read(self, name: str) -> Any:  # Any: JSON
        return json.loads((self.folder / name).read_bytes())

    def names(self, subfolder: str) -> set[str]:
        place = self.folder / subfolder
        return {path.name for path in place.iterdir()} if place.is_dir() else set()

    def copy(self, name: str) -> "Desk":
        """A copy of the folder, on somebody else's machine."""
        other = self.folder.parent / name / "ceremony"
        shutil.copytree(self.folder, other)
        return Desk(other)

    def waiting(self, name: str) -> list[str]:
        """The hashes of what waits for somebody, as they are shown."""
        said = self.run("sign", "--as", name, stdin="n\n" * 9)
        return re.findall(r"sha256 of what is signed: ([0-9a-f]{64})", said)

    def private_key(self, name: str) -> CryptoSigner:
        """The key of somebody, out of the file that the command has made."""
        file = self.read(f"keys/{name}.json")["uri"].removeprefix("file:")
        sealed = Path(os.environ["XDG_DATA_HOME"], "indexsite/ceremony-keys", file).read_bytes()
        return CryptoSigner(load_der_private_key(open_sealed(sealed, PASSPHRASE), None))
