"""Bins of another number and style on a running index, by the real commands, under the eyes of real clients."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

import pytest
from tuf.ngclient import Updater

from indexsite_client.protocol import UNCLAIMED, Bins, BinStyle
from tests.backups import run, upload
from tests.ceremonies import Ceremony, write_documents, write_online_key
from tests.running import BIN, RunningIndex, free_port
from tests.test_tuf_init import Home
from tests.test_tuf_init_crashes import FolderFetcher
from tests.tuf_clients import TufClient, new_clients
from tests.watching import Watchers

EXPLICIT = BinStyle.EXPLICIT
STEPS = [Bins(32, EXPLICIT), Bins(2), Bins(512, EXPLICIT), Bins(1024)]
KILLS = ["database.commit:after#1", "storage.write:half#1", "storage.replace:half", "storage.replace:after"]


@dataclass
class Resized:
    """An index of a real ceremony, its key holders, and clients that have been there from its first project on."""

    index: RunningIndex
    ceremony: Ceremony
    folder: Path
    home: Home
    returning: dict[str, TufClient]
    projects: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: count(2))

    def sign(self, bins: Bins) -> Path:
        """The folder with the next unclaimed, signed by its holders."""
        self.ceremony, number = replace(self.ceremony, bins=bins), next(self._numbers)
        folder = self.folder / f"ceremony-{number}"
        write_documents(folder, [self.ceremony.document(UNCLAIMED, number)])
        return folder

    def resize(self, bins: Bins) -> None:
        done = run(self.index, "tuf_import", *(self.sign(bins) / "metadata").iterdir())
        assert done.returncode == 0, done.stderr

    def upload(self, name: str) -> None:
        self.files.append(upload(self.index, self.index.token(), name, "1.0"))
        self.projects.append(name)

    def look(self, clients: dict[str, TufClient]) -> None:
        """Each reads the oldest page and the newest file; raises what it refuses for."""
        for client in clients.values():
            assert client.page(self.projects[0]).files
            assert client.download(f"{self.projects[-1]}/{self.files[-1]}")


@pytest.fixture(scope="module")
def resized(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Resized]:
    folder = tmp_path_factory.mktemp("resized")
    ceremony = Ceremony((write_online_key(folder / "online.pem").public_key,))
    write_documents(folder / "ceremony", ceremony.all())
    index = RunningIndex(folder / "data", free_port(), {"INDEXSITE_ONLINE_KEY": f"file:{folder / 'online.pem'}"})
    index.manage("tuf_init", str(folder / "ceremony"))
    index.start()
    clients = new_clients(index.url, index.root(), folder / "returning")
    made = Resized(index, ceremony, folder, Home(folder / "home"), clients)
    for name in ("demo", "other"):
        made.upload(name)
    made.look(clients)
    trusted = made.home.indexsite("trust", f"{index.url}/", "--fingerprint", index.fingerprint())
    assert trusted.returncode == 0, trusted.stderr
    try:
        yield made
    finally:
        index.stop()


@pytest.mark.parametrize("number", range(len(STEPS)), ids=[str(bins) for bins in STEPS])
def test_no_client_notices_another_number_or_style_of_bins(resized: Resized, number: int) -> None:
    bins = STEPS[number]
    watchers = Watchers(resized.index, *resized.projects)
    with watchers:
        watchers.look_once_more()
        resized.resize(bins)
        watchers.look_once_more()
    watchers.assert_all_was_well()
    assert f"{bins} of " in resized.index.manage("tuf_status")
    resized.look(resized.returning)
    resized.look(new_clients(resized.index.url, resized.index.root(), resized.folder / f"new-{number}"))
    resized.upload(f"project-{number}")
    assert "nothing is wrong" in resized.index.manage("tuf_audit")


def test_a_mirror_of_before_goes_on_and_is_what_a_new_one_is(resized: Resized) -> None:
    url, old, new = f"{resized.index.url}/", resized.folder / "mirror", resized.folder / "mirror-new"
    for bins, folder in ((Bins(16), old), (Bins(64, EXPLICIT), old), (None, new)):
        if bins:
            resized.resize(bins)
        done = resized.home.indexsite("mirror", str(folder), "--index", url, "--delete")
        assert done.returncode == 0, done.stderr
        verified = resized.home.indexsite("verify", "--index", url, "--mirror", str(folder))
        assert verified.returncode == 0, verified.stderr
    pages = [{path.relative_to(each): path.read_bytes() for path in each.glob("simple/*/*")} for each in (old, new)]
    assert pages[0] == pages[1]
    assert len(pages[0]) > len(resized.projects)


def test_verified_and_plain_installs_go_on(resized: Resized) -> None:
    verified = resized.home.install(resized.index, "demo")
    assert verified.returncode == 0, verified.stderr
    options = ["--no-deps", "--no-cache-dir", "--target", str(resized.folder / "plain")]
    command = [str(BIN / "pip"), "install", *options, "--index-url", f"{resized.index.url}/simple/", "demo"]
    plain = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert plain.returncode == 0, plain.stderr


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of an index of four bins that does not run, and beside it its next unclaimed, with sixteen."""
    folder = tmp_path_factory.mktemp("killed")
    ceremony = Ceremony((write_online_key(folder / "online.pem").public_key,))
    write_documents(folder / "ceremony", ceremony.all())
    write_documents(folder / "next", [replace(ceremony, bins=Bins(16)).document(UNCLAIMED, 2)])
    stopped(folder, folder).manage("tuf_init", str(folder / "ceremony"))
    return folder


def stopped(folder: Path, keys: Path) -> RunningIndex:
    return RunningIndex(folder / "data", free_port(), {"INDEXSITE_ONLINE_KEY": f"file:{keys / 'online.pem'}"})


def reached_bin(index: RunningIndex, folder: Path) -> str:
    """The bin in which python-tuf's client, which remembers in the folder, looked for a project."""
    folder.mkdir(parents=True, exist_ok=True)
    root, fetcher = (index.data / "store/metadata/1.root.json").read_bytes(), FolderFetcher(index.data / "store")
    updater = Updater(str(folder), "http://index/tuf/metadata/", str(folder), "http://index/", fetcher, bootstrap=root)
    assert updater.get_targetinfo("demo/index.json") is None
    bins = Bins(16 if json.loads((folder / "unclaimed.json").read_bytes())["signed"]["version"] == 2 else 4)
    assert (folder / f"{bins.bin_of('demo/index.json')}.json").exists()
    return str(bins)


@pytest.mark.parametrize("step", KILLS)
def test_a_resize_that_is_killed_leaves_the_old_bins_or_the_new_and_is_finished_by_the_next_start(
    template: Path, tmp_path: Path, step: str
) -> None:
    shutil.copytree(template / "data", tmp_path / "data")
    index = stopped(tmp_path, template)
    assert reached_bin(index, tmp_path / "returning") == str(Bins(4))
    crash = {"CRASH_AT": step, "CRASH_IN": "tuf_import", "CRASH_MARK": str(tmp_path / "crashed")}
    settings = {"DJANGO_SETTINGS_MODULE": "tests.settings_crashing"}
    killed = run(index, "tuf_import", template / "next/metadata/2.unclaimed.json", **crash, **settings)
    assert killed.returncode == -9, killed.stderr
    now = str(Bins(16 if step == KILLS[-1] else 4))
    assert (reached_bin(index, tmp_path / "returning"), reached_bin(index, tmp_path / "new")) == (now, now)
    index.manage("prepare")
    assert reached_bin(index, tmp_path / "returning") == str(Bins(16))
    assert "nothing is wrong" in index.manage("tuf_audit")
