"""A full disk, on a small file system of its own: uploads are refused in a sentence, and nothing taken is lost."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import missing_part
from tests.distributions import wheel
from tests.running import RunningIndex, eventually, free_port
from tests.watching import Watchers, new_updater, readable_files, verified_files


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)]
    if os.getuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        missing_part("a small file system: mounting a tmpfs takes root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_refuses_uploads_and_loses_nothing(small_disk: Path, tmp_path: Path) -> None:
    index = RunningIndex(small_disk / "data", free_port(), {"INDEXSITE_BINS": "4"})
    index.log = tmp_path / "log"
    index.start()
    try:
        token = index.token()
        uploaded = [wheel("demo", "0.0")]
        assert index.post_upload(*uploaded[0], token=token).status == 200
        index.wait_until_settled()
        with Watchers(index, "demo") as watchers:
            ballast = small_disk / "ballast"
            fill(ballast, leave=1_000_000)
            large = wheel("demo", "99.0", members={"big.bin": os.urandom(3_000_000)})
            reply = index.post_upload(*large, token=token)
            assert reply.status == 503, reply.text
            assert "cannot store files at the moment" in reply.text
            assert reply.headers["retry-after"]
            assert not list((small_disk / "data" / "store" / "incoming").iterdir())
            for number in range(1, 200):
                each = wheel("demo", f"{number}.0")
                reply = index.post_upload(*each, token=token)
                if reply.status != 200:
                    break
                uploaded.append(each)
                fill(ballast, leave=max(1_000_000 - number * 100_000, 0))
            assert reply.status == 503, reply.text
            assert index.page("demo") is not None
            watchers.look_once_more()
            ballast.unlink()
            names = [filename for filename, _ in uploaded]
            index.wait_until_listed("demo", *names, within=60)
            index.wait_until_settled()
            assert index.post_upload(*large, token=token).status == 200
            index.wait_until_listed("demo", large[0])
            watchers.look_once_more()
        watchers.assert_all_was_well()
        found = verified_files(new_updater(index, tmp_path / "verify", index.root()), "demo")
        assert set(names) <= set(found)
        assert readable_files(index, "demo") == found
        assert index.process is not None
        assert index.process.poll() is None
    finally:
        index.stop()


def fill(ballast: Path, *, leave: int) -> None:
    """Take the room of the file system but for so many bytes."""

    def full() -> bool:
        room = os.statvfs(ballast.parent)
        missing = room.f_bavail * room.f_frsize - leave
        if missing > 0:
            with open(ballast, "ab") as file:
                try:
                    os.posix_fallocate(file.fileno(), file.tell(), missing)
                except OSError:
                    return False
        return True

    eventually(full, what="a full disk")
