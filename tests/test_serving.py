"""`serve` and its parts as processes: who dies, who is restarted, what is said, and what is left."""

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.conftest import NewIndex
from tests.distributions import wheel
from tests.parts import Parts, part_of
from tests.running import CHECKOUT, RunningIndex, eventually, free_port

SMALL = {"INDEXSITE_BINS": "4"}


def refused_start(index: RunningIndex, port: int) -> str:
    """What `serve` says on stderr when it does not start: one line, no traceback."""
    done = subprocess.run(
        [sys.executable, CHECKOUT / "manage.py", "serve", "--port", str(port)],
        env=index.environment,
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0
    assert "Traceback" not in done.stdout + done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


def web_first(index: RunningIndex) -> psutil.Process:
    return part_of(index, "web")


def web_server(index: RunningIndex) -> psutil.Process:
    children = eventually(lambda: part_of(index, "web").children(), what="granian's process")
    return children[0]


def worker(index: RunningIndex) -> psutil.Process:
    return part_of(index, "worker")


def is_gone(process: psutil.Process) -> bool:
    """Whether it has ended, be it that nobody has asked for its exit code."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def names(process: psutil.Process, port: int) -> bool:
    """Whether a process was started with this port."""
    return str(port) in (process.info["cmdline"] or [])


def mode(path: Path) -> str:
    return oct(stat.S_IMODE(path.stat().st_mode))


@pytest.mark.parametrize(
    ("victim", "name"), [(web_first, "web"), (web_server, "web"), (worker, "worker")], ids=["web", "granian", "worker"]
)
def test_a_part_that_dies_is_restarted(
    module_index: RunningIndex, victim: Callable[[RunningIndex], psutil.Process], name: str
) -> None:
    said = module_index.log.read_text().count(f"{name} ended unexpectedly")
    process = victim(module_index)
    process.kill()
    eventually(lambda: module_index.log.read_text().count(f"{name} ended unexpectedly") > said)
    eventually(lambda: is_gone(process))
    module_index.wait_until_ready()
    filename, content = wheel(f"restarted-{victim.__name__}".replace("_", "-"), "1.0")
    token = module_index.token()
    eventually(lambda: uploaded(module_index, filename, content, token), what="an upload")
    module_index.wait_until_listed(f"restarted-{victim.__name__}".replace("_", "-"), filename)


def uploaded(index: RunningIndex, filename: str, content: bytes, token: str) -> bool:
    try:
        return index.post_upload(filename, content, token=token).status == 200
    except OSError:
        return False


def test_secrets_are_for_the_owner_only_and_never_in_the_log(module_index: RunningIndex) -> None:
    token = module_index.token()
    sign_in, data = module_index.data / "first-sign-in", module_index.data
    assert module_index.post_upload(*wheel("secret", "1.0"), token=token).status == 200
    assert module_index.post_upload(*wheel("secret", "1.0"), token=token[:-1] + "x").status in {401, 403}
    password = sign_in.read_text().split("password: ")[1].strip()
    log = module_index.log.read_text()
    assert len(password) > 16
    assert password not in log
    assert token not in log
    assert str(sign_in) in log
    keys = [path for path in (data / "keys").rglob("*") if path.is_file()]
    assert len(keys) == 11
    assert {mode(path) for path in [sign_in, data / "secret-key", *keys]} == {"0o600"}
    assert {mode(path) for path in [data / "keys", data / "keys" / "offline"]} == {"0o700"}


def test_what_an_embedded_index_does_not_use_is_not_imported(module_index: RunningIndex) -> None:
    script = "import sys, indexsite.application, indexsite.serving.worker;"
    script += "print([name for name in ('boto3', 'botocore', 'storages', 'redis', 'psycopg') if sys.modules.get(name)])"
    assert module_index.manage("shell", "-c", script).splitlines()[-1] == "[]"


def test_a_taken_port_is_refused_in_a_sentence(new_index: NewIndex) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"Port {port} of 127.0.0.1 cannot be had" in refused_start(new_index(**SMALL), port)


def test_a_second_serve_on_the_same_folder_is_refused(module_index: RunningIndex) -> None:
    said = refused_start(module_index, free_port())
    assert "Another 'manage.py serve' runs on the data folder" in said
    assert module_index.is_ready()


@pytest.mark.parametrize("folder", ["{tmp}/file/data", "/proc/indexsite"])
def test_a_data_folder_that_cannot_be_written_is_refused(new_index: NewIndex, tmp_path: Path, folder: str) -> None:
    (tmp_path / "file").touch()
    index = new_index(**SMALL, data=tmp_path / "data")
    index.variables["INDEXSITE_DATA"] = folder.format(tmp=tmp_path)
    said = refused_start(index, free_port())
    assert f"data folder {index.variables['INDEXSITE_DATA']} cannot be" in said
    assert "INDEXSITE_DATA." in said


def test_an_index_that_was_never_set_up_lives_and_is_not_ready(new_index: NewIndex) -> None:
    parts = Parts(new_index(**SMALL))
    try:
        parts.start_web()
        assert parts.index.get("/health/live").status == 200
        ready = parts.index.get("/health/ready")
        assert ready.status == 503
        assert "manage.py serve" in ready.text
        assert parts.index.get("/simple/").status == 503
        assert parts.index.get("/tuf/metadata/timestamp.json").status in {404, 503}
    finally:
        parts.end()


def test_web_and_worker_run_apart(new_index: NewIndex) -> None:
    index = new_index(**SMALL).start()
    assert index.stop() == 0
    parts = Parts(index)
    try:
        parts.start_web()
        parts.start_worker()
        assert index.get("/health/ready").status == 200
        assert index.post_upload(*wheel("apart", "1.0"), token=index.token()).status == 200
        index.wait_until_listed("apart", wheel("apart", "1.0")[0])
        parts.stop_worker()
    finally:
        parts.end()


def test_sigterm_ends_within_20_seconds_whatever_is_in_progress(new_index: NewIndex) -> None:
    index = new_index(**SMALL).start()
    filename, content = wheel("large", "1.0", members={"large.bin": os.urandom(24 * 1024 * 1024)})
    token = index.token()
    assert index.post_upload(filename, content, token=token).status == 200
    index.wait_until_listed("large", filename)
    url = index.page("large")["files"][0]["url"].split("../../")[1]
    with (
        socket.create_connection(("127.0.0.1", index.port)) as up,
        socket.create_connection(("127.0.0.1", index.port)) as down,
    ):
        up.sendall(
            f"POST /legacy/ HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
            "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 1000000\r\n\r\n--x\r\n".encode()
        )
        down.sendall(f"GET /{url} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        assert down.recv(12) == b"HTTP/1.1 200"
        began = time.monotonic()
        assert index.stop() == 0
        assert time.monotonic() - began < 20
    assert [process for process in psutil.process_iter(["cmdline"]) if names(process, index.port)] == []
    index.start()
    assert index.page("large") is not None


def test_no_part_outlives_a_killed_serve(new_index: NewIndex) -> None:
    index = new_index(**SMALL).start()
    assert index.process is not None
    children = psutil.Process(index.process.pid).children(recursive=True)
    assert len(children) == 3
    os.kill(index.process.pid, signal.SIGKILL)
    index.process.wait()
    eventually(lambda: all(is_gone(child) for child in children), what="the parts' end")
    index.start()


def test_no_part_outlives_a_serve_that_is_killed_while_its_parts_start(new_index: NewIndex) -> None:
    index = new_index(**SMALL).start(wait=False)
    assert index.process is not None
    parts = [part_of(index, "web"), part_of(index, "worker")]
    os.kill(index.process.pid, signal.SIGKILL)
    index.process.wait()
    eventually(lambda: all(is_gone(part) for part in parts), what="the parts' end")
    assert [process for process in psutil.process_iter(["cmdline"]) if names(process, index.port)] == []
