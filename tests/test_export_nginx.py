"""An exported tree behind a real nginx, with the deployed configuration: installers and TUF clients, and no index."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.distributions import sdist, wheel
from tests.proxying import nginx_over
from tests.running import BIN, SIMPLE_JSON, RunningIndex, free_port
from tests.watching import new_updater, readable_files, verified_files

FILES = (wheel("exported", "1.0"), wheel("exported", "2.0"), sdist("exported", "1.0"))


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> RunningIndex:
    """An index that is exported once it has stopped."""
    index = RunningIndex(tmp_path_factory.mktemp("exported") / "data", free_port(), {"INDEXSITE_BINS": "16"}).start()
    token = index.token()
    for filename, content in FILES:
        assert index.post_upload(filename, content, token=token).status == 200
    index.wait_until_settled()
    said = index.manage("tuf_export", str(index.data.parent / "tree"))
    assert "files were written" in said
    again = index.manage("tuf_export", str(index.data.parent / "tree"), "--delete")
    assert "0 files that nothing needs any more were removed." in again
    assert index.stop() == 0
    return index


@pytest.fixture(scope="module")
def front(index: RunningIndex, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningIndex]:
    with nginx_over(index.data.parent / "tree", tmp_path_factory.mktemp("nginx")) as front:
        yield front


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """The Python of a new virtual environment without pip."""
    subprocess.run([BIN / "uv", "venv", "--quiet", "--python", sys.executable, tmp_path / "venv"], check=True)
    return tmp_path / "venv" / "bin" / "python"


def run(*command: object, tmp_path: Path) -> str:
    """What a tool says; it has nobody's configuration, and must succeed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_", "INDEXSITE_"))}
    own = {"PIP_CONFIG_FILE": os.devnull, "UV_NO_CONFIG": "1", "HOME": str(tmp_path)}
    state = {"XDG_DATA_HOME": str(tmp_path / "xd"), "XDG_CACHE_HOME": str(tmp_path / "xc")}
    arguments = [str(each) for each in command]
    done = subprocess.run(
        arguments, env={**kept, **own, **state}, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def assert_installed(environment: Path, tmp_path: Path) -> None:
    run(environment, "-c", "import importlib.metadata as m; assert m.version('exported') == '2.0'", tmp_path=tmp_path)


def test_pip_installs_from_the_tree(front: RunningIndex, environment: Path, tmp_path: Path) -> None:
    options = ["--no-cache-dir", "-v", "--index-url", f"{front.url}/simple/"]
    said = run(BIN / "pip", "--python", environment, "install", *options, "exported", tmp_path=tmp_path)
    assert "exported-2.0-py3-none-any.whl.metadata" in said  # PEP 658
    assert_installed(environment, tmp_path)


def test_uv_installs_from_the_tree(front: RunningIndex, environment: Path, tmp_path: Path) -> None:
    options = ["--no-cache", "--python", environment, "--default-index", f"{front.url}/simple/"]
    run(BIN / "uv", "pip", "install", *options, "exported", tmp_path=tmp_path)
    assert_installed(environment, tmp_path)


def test_the_client_installs_verified_from_the_tree(
    index: RunningIndex, front: RunningIndex, environment: Path, tmp_path: Path
) -> None:
    fingerprint = index_fingerprint(index)
    run(BIN / "indexsite", "trust", front.url, "--fingerprint", fingerprint, "--development", tmp_path=tmp_path)
    pip = [BIN / "pip", "--python", environment, "install", "exported"]
    run(BIN / "indexsite", "run", "--", *pip, tmp_path=tmp_path)
    assert_installed(environment, tmp_path)


def index_fingerprint(index: RunningIndex) -> str:
    """As `tuf_status` tells it."""
    return index.manage("tuf_status").split("sha256 ")[1].split()[0]


def test_python_tuf_verifies_every_file_of_the_tree(front: RunningIndex, tmp_path: Path) -> None:
    found = verified_files(new_updater(front, tmp_path / "memory", front.root()), "exported")
    assert set(found) == {filename for filename, _ in FILES}
    assert found == readable_files(front, "exported")


def test_pages_come_in_the_form_that_is_asked_for(front: RunningIndex) -> None:
    pip = f"{SIMPLE_JSON}, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01"
    for path in ("/simple/", "/simple/exported/"):
        for accept, kind in {pip: SIMPLE_JSON, "text/html": "text/html", "*/*": "text/html"}.items():
            reply = front.get(path, Accept=accept)
            assert reply.headers["content-type"].partition(";")[0] == kind
            assert reply.headers["vary"] == "Accept, Accept-Encoding"
            assert reply.headers["cache-control"] == "no-cache"
            zipped = front.get(path, Accept=accept, Accept_Encoding="gzip")
            assert zipped.headers["content-encoding"] == "gzip"
    assert front.get("/simple/exported").headers["location"] == "/simple/exported/"


def test_signed_documents_and_files_come_as_clients_need_them(front: RunningIndex) -> None:
    timestamp = front.get("/tuf/metadata/timestamp.json")
    assert timestamp.headers["cache-control"] == "no-cache"
    number = json.loads(timestamp.body)["signed"]["meta"]["snapshot.json"]["version"]
    snapshot = front.get(f"/tuf/metadata/{number}.snapshot.json", Accept_Encoding="identity")
    assert "immutable" in snapshot.headers["cache-control"]
    assert "content-encoding" not in snapshot.headers
    zipped = front.get(f"/tuf/metadata/{number}.snapshot.json", Accept_Encoding="gzip")
    assert zipped.headers["content-encoding"] == "gzip"
    page = front.get("/simple/exported/", Accept=SIMPLE_JSON).json()
    for file in page["files"]:
        reply = front.get(file["url"].removeprefix("../.."), Accept_Encoding="gzip, br")
        assert "content-encoding" not in reply.headers
        assert reply.body in {content for _, content in FILES}
    for path in ("/tuf/metadata/2.root.json", "/simple/nothing/", "/.indexsite-export", "/form/json/simple/", "/"):
        missing = front.get(path)
        assert (missing.status, missing.headers["cache-control"]) == (404, "no-store"), path
        assert missing.headers["content-type"].startswith("text/plain")
