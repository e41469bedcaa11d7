"""kill -9 at each step of a recovery: it goes on where it was, and clients follow to what it publishes."""

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from tuf.ngclient import Updater

from indexsite_client.protocol import ROOT, TARGETS, UNCLAIMED
from tests.backups import run
from tests.ceremonies import Ceremony, write_documents, write_online_key
from tests.running import RunningIndex, free_port
from tests.test_tuf_init_crashes import FolderFetcher
from tufsigning.core.documents import read_signed

_FILL = """
from tests.signing import add_file
from django.utils import timezone
from tufsigning.library import Library
from tufsigning.publisher import Publisher
add_file("demo", {version!r}) if {version!r} == "1.0" else add_file("forged", {version!r})
Publisher(Library()).publish_waiting(timezone.now)
"""
LOOK = ["database.commit:before#1", "database.commit:after#1"]
# of the last step: rows are restored in one commit a project, versions go back in the next, then a publication follows
PUBLISH = [
    "database.commit:after#1",
    "database.commit:before#2",
    "database.commit:after#2",
    "storage.write:half#1",
    "storage.write:after#1",
    "storage.write:after#2",
    "storage.write:after#3",
    "storage.replace:half",
    "storage.replace:after",
]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a real index, a copy of it, a forged file since, and the ceremony that replaces its key."""
    folder = tmp_path_factory.mktemp("recovery")
    index = RunningIndex(folder / "data", free_port(), {"INDEXSITE_BINS": "4"})
    online, other = write_online_key(folder / "online.pem"), write_online_key(folder / "other.pem")
    ceremony = Ceremony((online.public_key,))
    write_documents(folder / "first", ceremony.all())
    index.variables["INDEXSITE_ONLINE_KEY"] = f"file:{folder / 'online.pem'}"
    index.manage("tuf_init", str(folder / "first"))
    index.manage("shell", "-c", _FILL.format(version="1.0"))
    index.manage("tuf_export", str(folder / "copy"))
    index.manage("shell", "-c", _FILL.format(version="2.0"))
    fresh = replace(ceremony, online=(other.public_key,))
    write_documents(folder / "second", [fresh.document(role, 2) for role in (ROOT, TARGETS, UNCLAIMED)])
    return folder


def test_each_step_may_be_killed(template: Path, tmp_path: Path) -> None:
    shutil.copytree(template / "data", tmp_path / "data")
    key = {"INDEXSITE_ONLINE_KEY": f"file:{template / 'online.pem'}"}
    index = RunningIndex(tmp_path / "data", free_port(), {"INDEXSITE_BINS": "4", **key})
    root = (template / "copy/tuf/metadata/1.root.json").read_bytes()
    begin = ["--reference", template / "copy", "--fingerprint", hashlib.sha256(root).hexdigest()]
    for step in LOOK:
        kill(index, tmp_path, step, *begin)
        index.manage("prepare")  # a start in between publishes nothing, and brings nothing back
    looked = run(index, "tuf_recover", "online-keys", *begin)
    assert looked.returncode == 0, looked.stderr
    assert "added: forged/forged-2.0.tar.gz" in looked.stdout
    looked_at = tmp_path / "looked-at"
    shutil.copytree(tmp_path / "data", looked_at)
    for step in PUBLISH:
        shutil.rmtree(tmp_path / "data")
        shutil.copytree(looked_at, tmp_path / "data")
        index.variables["INDEXSITE_ONLINE_KEY"] = f"file:{template / 'other.pem'}"
        kill(index, tmp_path, step, "--ceremony", template / "second")
        index.manage("prepare")
        done = run(index, "tuf_recover", "online-keys", "--ceremony", template / "second")
        assert done.returncode == 0, f"{step}: {done.stderr}"
        client = new_client(index, root, tmp_path / f"client-{step.replace('#', '-')}")
        assert client.get_targetinfo("demo/index.json"), step
        assert client.get_targetinfo("forged/forged-2.0.tar.gz") is None, step
        assert "No recovery is under way. The last one" in index.manage("tuf_recover", "--status")
        names = {path.name for path in (index.data / "store" / "metadata").iterdir()}
        assert "2.root.json" in names
        shown = read_signed((index.data / "store" / "metadata" / "timestamp.json").read_bytes())
        assert f"{shown['meta']['snapshot.json']['version']}.snapshot.json" in names
    audit = run(index, "tuf_audit")
    assert audit.returncode == 0, audit.stdout + audit.stderr


def new_client(index: RunningIndex, root: bytes, folder: Path) -> Updater:
    """python-tuf's, which knows the first root only."""
    folder.mkdir()
    places = (str(folder), "http://x/", str(folder), "http://x/")
    return Updater(*places, FolderFetcher(index.data / "store"), bootstrap=root)


def kill(index: RunningIndex, folder: Path, step: str, *arguments: object) -> None:
    """Run the command until it kills itself at a step."""
    mark = folder / "crashed"
    mark.unlink(missing_ok=True)
    crash = {"CRASH_AT": step, "CRASH_IN": "tuf_recover", "CRASH_MARK": str(mark)}
    settings = {"DJANGO_SETTINGS_MODULE": "tests.settings_crashing"}
    killed = run(index, "tuf_recover", "online-keys", *arguments, **crash, **settings)
    assert killed.returncode == -9, f"{step}: {killed.returncode} {killed.stderr}"
    assert mark.exists()
