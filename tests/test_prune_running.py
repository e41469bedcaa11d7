"""Pruning by its command while an index serves: killed in the middle, and again."""

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import NewIndex
from tests.distributions import wheel
from tests.parts import change
from tests.running import CHECKOUT, RunningIndex
from tests.watching import Watchers, new_updater, verified_files

CRASHING = {"DJANGO_SETTINGS_MODULE": "tests.settings_crashing", "INDEXSITE_BINS": "4"}
DAYS_AGO = 40


def age_everything(index: RunningIndex) -> None:
    """As if all that was published and stored up to now had been so weeks ago."""
    moment = (index.data / "store" / "metadata" / "timestamp.json").stat().st_mtime - DAYS_AGO * 86_400
    for path in (index.data / "store").rglob("*"):
        if path.is_file() and path.name != "timestamp.json":
            os.utime(path, (moment, moment))
    change(index.data, f"UPDATE tufsigning_publication SET visible_at = datetime(visible_at, '-{DAYS_AGO} days')")


def prune(index: RunningIndex, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(CHECKOUT / "manage.py"), "tuf_prune"]
    environment = {**index.environment, **variables}
    return subprocess.run(command, env=environment, cwd=CHECKOUT, capture_output=True, text=True, timeout=120)


def names(index: RunningIndex) -> set[str]:
    store = index.data / "store"
    return {str(path.relative_to(store)) for path in store.rglob("*") if path.is_file()}


def test_a_prune_that_is_killed_leaves_less_to_the_next_and_harms_nobody(new_index: NewIndex, tmp_path: Path) -> None:
    index = new_index(**CRASHING).start()
    token = index.token()
    files = [wheel("pruned", f"{number}.0") for number in range(4)]
    for filename, content in files:
        assert index.post_upload(filename, content, token=token).status == 200
        index.wait_until_listed("pruned", filename)
    age_everything(index)
    dry = index.manage("tuf_prune", "--dry-run")
    assert dry.startswith("Would remove ")
    before = names(index)
    crash = {"CRASH_AT": "storage.remove:half", "CRASH_IN": "tuf_prune", "CRASH_MARK": str(tmp_path / "crashed")}
    with Watchers(index, "pruned") as watchers:
        assert prune(index, **crash).returncode == -9
        middle = names(index)
        assert any("/.doomed-" in name for name in middle)
        filename, content = wheel("pruned", "4.0")
        assert index.post_upload(filename, content, token=token).status == 200  # its lease is left to lapse
        done = prune(index)
        assert done.returncode == 0, done.stderr
        index.wait_until_listed("pruned", filename, within=60)
        watchers.look_once_more()
    watchers.assert_all_was_well()
    after = names(index)
    assert not any(".doomed-" in name for name in after)
    assert len(before - after) > 6
    assert index.manage("tuf_prune").startswith("Removed 0 documents and 0 blobs")
    assert "nothing is wrong." in index.manage("tuf_audit")
    found = verified_files(new_updater(index, tmp_path / "verify", index.root()), "pruned")
    assert set(found) == {filename for filename, _ in [*files, wheel("pruned", "4.0")]}
