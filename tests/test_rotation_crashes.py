"""kill -9 at each step of a rotation: clients go on from where it stands, and the command, run again, ends it."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from indexsite_client.protocol import ROOT, TARGETS, UNCLAIMED
from tests.backups import run
from tests.ceremonies import Ceremony, write_documents, write_online_key
from tests.running import RunningIndex, free_port
from tests.test_tuf_init_crashes import is_followed

# The first publication signs everything with both keys; the second brings the new root, which is written after all else
# and before the timestamp.
BOTH = [
    "database.commit:before#1",
    "database.commit:after#1",
    "storage.write:half#1",
    "storage.write:after#1",
    "storage.replace:half#1",
    "storage.replace:after#1",
]
NAMED = [
    "storage.write:half#2",
    "storage.write:after#2",
    "storage.write:after#3",
    "storage.replace:half#2",
    "storage.replace:after#2",
]
DROPPED = ["database.commit:after#1", "storage.write:after#1", "storage.replace:half#1", "storage.replace:after#1"]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with an index of a real ceremony, and beside it a ceremony that replaces the online key."""
    folder = tmp_path_factory.mktemp("rotation")
    ceremony = Ceremony((write_online_key(folder / "old.pem").public_key,))
    write_documents(folder / "first", ceremony.all())
    index = on(folder / "data", INDEXSITE_ONLINE_KEY=f"file:{folder / 'old.pem'}")
    index.manage("tuf_init", str(folder / "first"))
    after = replace(ceremony, online=(write_online_key(folder / "new.pem").public_key,))
    write_documents(folder / "second", [after.document(role, 2) for role in (ROOT, TARGETS, UNCLAIMED)])
    return folder


def on(data: Path, **variables: str) -> RunningIndex:
    return RunningIndex(data, free_port(), {"INDEXSITE_BINS": "4", **variables})


def killed_at(index: RunningIndex, step: str, mark: Path, *arguments: object) -> None:
    crash = {"CRASH_AT": step, "CRASH_IN": "tuf_rotate", "CRASH_MARK": str(mark)}
    done = run(index, "tuf_rotate", *arguments, **crash, DJANGO_SETTINGS_MODULE="tests.settings_crashing")
    assert done.returncode == -9, done.stdout + done.stderr
    assert mark.exists()


@pytest.fixture
def index(template: Path, tmp_path: Path) -> RunningIndex:
    """A copy of it that has both keys."""
    shutil.copytree(template / "data", tmp_path / "data")
    return on(
        tmp_path / "data",
        INDEXSITE_ONLINE_KEY=f"file:{template / 'old.pem'}",
        INDEXSITE_ONLINE_KEY_NEXT=f"file:{template / 'new.pem'}",
    )


def first_root(index: RunningIndex) -> bytes:
    return (index.data / "store/metadata/1.root.json").read_bytes()


@pytest.mark.parametrize("step", [*BOTH, *NAMED])
def test_whenever_it_is_killed_clients_go_on_and_the_next_run_ends_it(
    index: RunningIndex, template: Path, tmp_path: Path, step: str
) -> None:
    killed_at(index, step, tmp_path / "crashed", template / "second")
    assert is_followed(index, first_root(index), tmp_path / "then")
    done = run(index, "tuf_rotate", template / "second")
    assert done.returncode == 0, done.stderr
    assert "take\nINDEXSITE_ONLINE_KEY_NEXT away" in done.stdout
    assert is_followed(index, first_root(index), tmp_path / "after")


def test_a_worker_ends_it_too(index: RunningIndex, template: Path, tmp_path: Path) -> None:
    killed_at(index, "storage.write:after#3", tmp_path / "crashed", template / "second")
    index.manage("prepare")
    assert "run tuf_rotate again, in that environment" in index.manage("tuf_rotate", "--check")


@pytest.mark.parametrize("step", DROPPED)
def test_whenever_the_dropping_is_killed_clients_go_on_and_the_next_run_ends_it(
    index: RunningIndex, template: Path, tmp_path: Path, step: str
) -> None:
    index.manage("tuf_rotate", str(template / "second"))
    index.variables |= {"INDEXSITE_ONLINE_KEY": f"file:{template / 'new.pem'}", "INDEXSITE_ONLINE_KEY_NEXT": ""}
    killed_at(index, step, tmp_path / "crashed")
    assert is_followed(index, first_root(index), tmp_path / "then")
    assert "bear the signature of a former online key" not in index.manage("tuf_rotate")
    assert is_followed(index, first_root(index), tmp_path / "after")
