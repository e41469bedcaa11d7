"""An operator's way, with the real commands: from the development ceremony to a real one, and to its first change."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.distributions import wheel
from tests.running import BIN, RunningIndex, free_port
from tests.test_tuf_init import Home, manage
from tests.watching import new_updater, verified_files

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


@pytest.fixture
def index(tmp_path: Path) -> Iterator[RunningIndex]:
    """With a file, under a development root."""
    index = RunningIndex(tmp_path / "data", free_port(), {"INDEXSITE_BINS": "4"}).start()
    assert index.post_upload(*wheel("before", "1.0"), token=index.token()).status == 200
    index.wait_until_settled()
    yield index
    index.stop()


def upload_and_see(index: RunningIndex, name: str) -> None:
    assert index.post_upload(*wheel(name, "1.0"), token=index.token()).status == 200
    index.wait_until_listed(name, f"{name}-1.0-py3-none-any.whl")


def test_from_the_first_start_to_a_replaced_online_key(index: RunningIndex, tmp_path: Path) -> None:
    (tmp_path / "desk").mkdir()
    desk, user = Desk(tmp_path / "desk", tmp_path / "ceremony"), Home(tmp_path / "user")

    index.manage("tuf_export", "--ceremony", str(desk.folder))
    desk.ceremony("init", "--holders", "alice,bob,carol")
    for name in ("alice", "bob", "carol"):
        desk.make_key(name)
    first = desk.make_key("online")
    desk.ceremony("draft")
    desk.sign("alice", "bob")
    desk.use_online_key(index, first)
    moved = manage(index, "tuf_init", desk.folder, "--delete-development-keys")
    assert moved.returncode == 0, moved.stderr
    index.stop()
    index.start()
    fingerprint = index.fingerprint()
    assert fingerprint in desk.ceremony("paper")
    assert user.indexsite("trust", f"{index.url}/", "--fingerprint", fingerprint).returncode == 0
    upload_and_see(index, "between")
    root = index.get("/tuf/metadata/2.root.json").body
    assert "<bdi>alice</bdi>" in index.get("/trust/").text  # root names the holders
    for project in ("before", "between"):
        assert user.install(index, project).returncode == 0
    assert verified_files(new_updater(index, tmp_path / "python-tuf", root), "between")

    second = desk.make_key("online", "--replace")
    desk.make_key("carol", "--replace")
    desk.ceremony("draft")
    desk.sign("alice", "bob")
    index.stop()
    desk.use_online_key(index, second)
    imported = manage(index, "tuf_import", *(desk.folder / "metadata").glob("3.*.json"))
    assert imported.returncode == 0, imported.stderr
    index.start()
    upload_and_see(index, "after")
    for project in ("before", "between", "after"):
        done = user.install(index, project)
        assert done.returncode == 0, done.stderr
        assert verified_files(new_updater(index, tmp_path / "python-tuf", root), project)
    assert "root 3 (real)" in index.manage("tuf_status")
    audit = manage(index, "tuf_audit")
    assert audit.returncode == 0, audit.stdout + audit.stderr
