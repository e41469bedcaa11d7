"""An operator's way, with the real commands: from the development ceremony to a real one, and to its first change."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.desks import Desk
from tests.distributions import wheel
from tests.running import RunningIndex, free_port
from tests.test_tuf_init import Home, manage
from tests.watching import new_updater, verified_files


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
    desk, user = Desk(tmp_path / "desk", tmp_path / "ceremony"), Home(tmp_path / "user")

    desk.move(index)
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
