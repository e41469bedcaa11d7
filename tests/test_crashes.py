"""kill -9 at each step: what was answered 200 is published after a restart; no client ever sees a wrong state."""

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import NewIndex
from tests.distributions import wheel
from tests.logged import assert_log_is_whole
from tests.parts import Parts, change, part_of, rows
from tests.running import CHECKOUT, RunningIndex, eventually, free_port
from tests.watching import Watchers, new_updater, readable_files, verified_files

CRASHING = {"DJANGO_SETTINGS_MODULE": "tests.settings_crashing", "INDEXSITE_BINS": "4"}

# of one publication by a worker: its commits are 1 the message's lease, 2 the claimed versions, 3 what was signed,
# 4 that it is visible and the outbox settled
WORKER_STEPS = [
    "database.commit:before#1",
    "database.commit:before#2",
    "database.commit:before#3",
    "storage.write:before",
    "storage.write:temporary",
    "storage.write:half",
    "storage.write:after",
    "storage.replace:before",
    "storage.replace:half",
    "storage.replace:after",
    "database.commit:before#4",
    "database.commit:after#4",
]
# of one upload of a wheel: its bytes and its metadata file are written, one transaction tells of it
WEB_STEPS = [
    "storage.write:before",
    "storage.write:half",
    "storage.write:after",
    "database.commit:before#1",
    "database.commit:after#1",
]
CEREMONY_STEPS = [
    "database.commit:after#1",
    "storage.write:before",
    "storage.write:after#1",
    "storage.write:half#2",
    "storage.replace:before",
    "storage.replace:half",
    "storage.replace:after",
]


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    """A signed index whose web part runs by itself; each test starts the worker that it needs."""
    index = RunningIndex(tmp_path_factory.mktemp("crashes") / "data", free_port(), dict(CRASHING)).start()
    assert index.post_upload(*wheel("demo", "0.0"), token=index.token()).status == 200
    index.wait_until_settled()
    assert index.stop() == 0
    parts = Parts(index)
    try:
        parts.start_web()
        yield parts
    finally:
        parts.end()


@pytest.fixture(scope="module")
def token(parts: Parts) -> str:
    return parts.index.token()


def crash_variables(tmp_path: Path, step: str, *, part: str) -> dict[str, str]:
    return {"CRASH_AT": step, "CRASH_IN": part, "CRASH_MARK": str(tmp_path / "crashed")}


def let_the_lease_end(index: RunningIndex) -> None:
    """What a killed publisher held lapses by itself; here at once, for tests do not wait for it."""
    change(index.data, "UPDATE tufsigning_publisherlease SET expires_at = '2000-01-01 00:00:00'")


def assert_published(index: RunningIndex, tmp_path: Path, project: str, filename: str, content: bytes) -> None:
    """The file is listed, and is what was uploaded, for plain and for verifying clients."""
    sha256 = hashlib.sha256(content).hexdigest()
    index.wait_until_listed(project, filename, within=60)
    assert readable_files(index, project)[filename] == sha256
    assert verified_files(new_updater(index, tmp_path / "verify", index.root()), project)[filename] == sha256


def project_name(step: str, part: str) -> str:
    return f"{part}-" + step.replace(".", "-").replace(":", "-").replace("#", "-")


@pytest.mark.parametrize("step", WORKER_STEPS)
def test_a_worker_killed_while_it_publishes_loses_nothing(parts: Parts, token: str, tmp_path: Path, step: str) -> None:
    index = parts.index
    filename, content = wheel("demo", f"{WORKER_STEPS.index(step) + 1}.0")
    with Watchers(index, "demo") as watchers:
        assert index.post_upload(filename, content, token=token).status == 200
        parts.start_worker(**crash_variables(tmp_path, step, part="worker"))
        parts.await_death(parts.worker)
        assert (tmp_path / "crashed").exists()
        let_the_lease_end(index)
        parts.start_worker()
        assert_published(index, tmp_path, "demo", filename, content)
        index.wait_until_settled()
        watchers.look_once_more()
    parts.stop_worker()
    watchers.assert_all_was_well()
    assert rows(index.data, "SELECT DISTINCT state FROM packages_file") == [("published",)]
    assert_log_is_whole(index)


@pytest.mark.parametrize("step", WEB_STEPS)
def test_a_web_part_killed_while_it_receives_leaves_the_file_whole_or_absent(
    parts: Parts, token: str, tmp_path: Path, step: str
) -> None:
    index, project = parts.index, project_name(step, "web")
    filename, content = wheel(project, "1.0")
    parts.end()
    parts.start_worker()
    armed = tmp_path / "armed"
    parts.start_web(CRASH_ARMED=str(armed), **crash_variables(tmp_path, step, part="web"))
    with Watchers(index, project) as watchers:
        armed.touch()
        with pytest.raises(OSError):  # noqa: PT011  # refused, reset or closed without an answer
            index.post_upload(filename, content, token=token)
        parts.await_death(parts.web)
        parts.start_web()
        recorded = rows(index.data, "SELECT 1 FROM packages_file WHERE filename = ?", filename)
        if step == "database.commit:after#1":
            assert recorded
            assert_published(index, tmp_path, project, filename, content)
        else:
            assert not recorded
            assert index.page(project) is None
        assert index.post_upload(filename, content, token=token).status == 200  # twine is started again
        assert_published(index, tmp_path, project, filename, content)
        watchers.look_once_more()
    parts.stop_worker()
    watchers.assert_all_was_well()


@pytest.mark.parametrize("step", CEREMONY_STEPS)
def test_a_first_start_that_is_killed_is_repeated(new_index: NewIndex, tmp_path: Path, step: str) -> None:
    index = new_index(**CRASHING, **crash_variables(tmp_path, step, part="serve"))
    index.start(wait=False)
    assert index.process is not None
    assert index.process.wait(60) == -9
    assert (tmp_path / "crashed").exists()
    index.start()
    filename, content = wheel("after", "1.0")
    assert index.post_upload(filename, content, token=index.token()).status == 200
    assert_published(index, tmp_path, "after", filename, content)


def test_a_supervised_worker_is_restarted_after_a_crash_and_publishes(new_index: NewIndex, tmp_path: Path) -> None:
    index = new_index(**CRASHING, **crash_variables(tmp_path, "storage.replace:before", part="worker")).start()
    filename, content = wheel("demo", "1.0")
    with Watchers(index, "demo") as watchers:
        assert index.post_upload(filename, content, token=index.token()).status == 200
        eventually((tmp_path / "crashed").exists)
        assert_published(index, tmp_path, "demo", filename, content)
    watchers.assert_all_was_well()
    assert "worker ended unexpectedly (signal SIGKILL)" in index.log.read_text()


def test_killing_everything_between_uploads_and_publication_loses_nothing(new_index: NewIndex, tmp_path: Path) -> None:
    index = new_index(**CRASHING).start()
    token = index.token()
    uploads = [wheel(f"demo{number}", "1.0") for number in range(5)]
    with Watchers(index, *(f"demo{number}" for number in range(5))) as watchers:
        part_of(index, "worker").suspend()
        for filename, content in uploads:
            assert index.post_upload(filename, content, token=token).status == 200
        worker = part_of(index, "worker")
        index.kill()
        worker.kill()
        index.start()
        for number, (filename, content) in enumerate(uploads):
            assert_published(index, tmp_path / str(number), f"demo{number}", filename, content)
    watchers.assert_all_was_well()


def test_a_secret_key_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    index = RunningIndex(tmp_path / "data", free_port())
    command = ["sh", "-c", 'ulimit -f 0; exec "$@"', "sh", sys.executable, "manage.py", "check"]  # no file may grow
    failed = subprocess.run(command, env=index.environment, cwd=CHECKOUT, capture_output=True, timeout=60)
    assert failed.returncode != 0
    assert not (index.data / "secret-key").exists()
    index.manage("check")
    assert len((index.data / "secret-key").read_text()) > 40
