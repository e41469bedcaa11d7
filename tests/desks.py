"""The desk at which ceremonies are held, with the real commands, and what follows from them on an index."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.running import BIN, RunningIndex
from tests.test_tuf_init import manage

PASSPHRASE = "six words that nobody would guess"


@dataclass
class Desk:
    """A machine beside the server where a ceremony is held."""

    home: Path
    folder: Path

    def ceremony(self, command: str, *arguments: str | Path, typed: str = "", sealed: bool = False) -> str:
        """What `indexsite ceremony COMMAND FOLDER` says."""
        passphrase = self.home / "passphrase"
        passphrase.write_text(PASSPHRASE)
        said = [str(BIN / "indexsite"), "ceremony", command, str(self.folder), *map(str, arguments)]
        said += ["--passphrase-file", str(passphrase)] if sealed else []
        environment = {"PATH": str(BIN), "HOME": str(self.home), "XDG_DATA_HOME": str(self.home / "data")}
        done = subprocess.run(said, env=environment, input=typed, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def make_key(self, name: str, *options: str) -> Path:
        """A new key file, for a holder or for `online`."""
        whose = ["--online"] if name == "online" else ["--holder", name]
        said = self.ceremony("key", *whose, *options, sealed=True)
        [file] = re.findall(r"Its private part: (.+), sealed", said)
        return Path(file)

    def sign(self, *names: str) -> None:
        """Each looks at what waits for them, and signs it."""
        for name in names:
            self.ceremony("sign", "--as", name, typed="y\n" * 9, sealed=True)

    def use_online_key(self, index: RunningIndex, file: Path) -> None:
        """What an operator sets on the server."""
        index.variables["INDEXSITE_ONLINE_KEY"] = f"file:{file}"
        index.variables["INDEXSITE_ONLINE_KEY_PASSPHRASE_FILE"] = str(self.home / "passphrase")

    def move(self, index: RunningIndex) -> None:
        """The first ceremony, of alice, bob and carol, after which the index serves under its real root."""
        self.home.mkdir(exist_ok=True)
        index.manage("tuf_export", "--ceremony", str(self.folder))
        self.ceremony("init", "--holders", "alice,bob,carol")
        for name in ("alice", "bob", "carol"):
            self.make_key(name)
        first = self.make_key("online")
        self.ceremony("draft")
        self.sign("alice", "bob")
        self.use_online_key(index, first)
        moved = manage(index, "tuf_init", self.folder, "--delete-development-keys")
        assert moved.returncode == 0, moved.stderr
        index.stop()
        index.start()
