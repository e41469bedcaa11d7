"""PKG-INFO of sdists beside the file (PEP 658, 714) where it is true of what is built of it (PEP 643); pip uses it."""

import hashlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.metadata import parse_email

from packages.static_metadata import is_static
from tests.distributions import sdist, wheel
from tests.running import BIN, RunningIndex, free_port
from tests.test_main_job import clean_environ

BACKEND = """
import base64, hashlib, os, zipfile
NAME, VERSION = [line.split(": ")[1] for line in open("PKG-INFO").read().splitlines() if line[:5] in ("Name:", "Versi")]
INFO = f"{NAME}-{VERSION}.dist-info"
def prepare_metadata_for_build_wheel(folder, config_settings=None):
    os.makedirs(os.path.join(folder, INFO))
    for name, text in files().items():
        if "/" in name:
            open(os.path.join(folder, name), "w").write(text)
    return INFO
def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = f"{NAME}-{VERSION}-py3-none-any.whl"
    contents = files()
    contents[INFO + "/RECORD"] = "".join(f"{path},,\\n" for path in [*contents, INFO + "/RECORD"])
    with zipfile.ZipFile(os.path.join(folder, name), "w") as archive:
        for path, text in contents.items():
            archive.writestr(path, text)
    return name
def files():
    tag = "Wheel-Version: 1.0\\nGenerator: t\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    return {NAME + ".py": "", INFO + "/METADATA": open("PKG-INFO").read(), INFO + "/WHEEL": tag}
"""
PYPROJECT = b'[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


def pkg_info(name: str, version: str, *lines: str, metadata_version: str = "2.2") -> str:
    return "\n".join([f"Metadata-Version: {metadata_version}", f"Name: {name}", f"Version: {version}", *lines, ""])


def buildable(name: str, version: str, *lines: str, metadata_version: str = "2.2") -> tuple[str, bytes]:
    """An sdist that builds with a backend of its own and needs nothing for it."""
    top = f"{name}-{version}"
    content = pkg_info(name, version, *lines, metadata_version=metadata_version).encode()
    members = {
        f"{top}/PKG-INFO": content, f"{top}/pyproject.toml": PYPROJECT, f"{top}/backend.py": BACKEND.encode(),
    }  # fmt: skip
    return sdist(name, version, members=members)


@pytest.mark.parametrize(
    ("static", "metadata_version", "lines"),
    [
        (True, "2.2", []),
        (True, "2.4", ["Requires-Dist: x", "Dynamic: License-File"]),
        (True, "2.10", []),
        (False, "2.1", []),
        (False, "1.0", []),
        (False, "3.0", []),
        (False, "2.2.1", []),
        (False, "", []),
        (False, "2.2", ["Dynamic: Requires-Dist"]),
        (False, "2.2", ["Dynamic: Summary", "Dynamic: requires-python"]),
        (False, "2.2", ["Dynamic: Provides-Extra"]),
        (False, "2.2", ["Dynamic: Version"]),
        (False, "2.2", ["Requires-Python: >=3", "Requires-Python: <3"]),  # of two, none can be read
        (False, "2.2", ["Metadata-Version: 2.2"]),
    ],
)
def test_metadata_are_static_where_nothing_that_counts_is_dynamic(
    static: bool, metadata_version: str, lines: list[str]
) -> None:
    raw, unparsed = parse_email(pkg_info("x", "1", *lines, metadata_version=metadata_version))
    assert is_static(raw, unparsed) is static


def test_dynamic_that_cannot_be_read_counts_as_dynamic() -> None:
    raw, unparsed = parse_email(pkg_info("x", "1").encode() + b"Dynamic: Requires-Dist\xff\n")
    assert is_static(raw, unparsed) is False


FILES = [
    buildable("picky", "1.0"),
    buildable("picky", "2.0", "Requires-Dist: no-such-project"),
    buildable("vague", "1.0", "Dynamic: Requires-Dist"),
    buildable("ancient", "1.0", metadata_version="2.1"),
    wheel("plain", "1.0"),
]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningIndex]:
    """An index whose log tells which files were asked for."""
    folder = tmp_path_factory.mktemp("index")
    index = RunningIndex(folder / "data", free_port(), {"INDEXSITE_ACCESS_LOG": "1"}).start()
    token = index.token()
    for filename, content in FILES:
        reply = index.post_upload(filename, content, token=token)
        assert reply.status == 200, reply.text
        index.wait_until_listed(filename.partition("-")[0], filename)
    yield index
    index.stop()


def listed(index: RunningIndex, filename: str) -> dict[str, Any]:  # Any: PEP 691's JSON
    [entry] = [each for each in index.page(filename.partition("-")[0])["files"] if each["filename"] == filename]
    found: dict[str, Any] = entry
    return found


def metadata_path(entry: dict[str, Any]) -> str:  # Any: PEP 691's JSON
    return f"/files/{entry['hashes']['sha256']}/{entry['filename']}.metadata"


def test_static_metadata_are_served_beside_the_sdist(index: RunningIndex) -> None:
    entry = listed(index, "picky-2.0.tar.gz")
    body = index.get(metadata_path(entry)).body
    assert body == pkg_info("picky", "2.0", "Requires-Dist: no-such-project").encode()
    expected = {"sha256": hashlib.sha256(body).hexdigest()}
    assert entry["core-metadata"] == entry["dist-info-metadata"] == expected
    html = index.get("/simple/picky/", Accept="text/html").text
    assert f'data-core-metadata="sha256={expected["sha256"]}"' in html


@pytest.mark.parametrize("filename", ["vague-1.0.tar.gz", "ancient-1.0.tar.gz"])
def test_metadata_that_a_build_may_change_are_not(index: RunningIndex, filename: str) -> None:
    entry = listed(index, filename)
    assert entry["core-metadata"] is False
    assert index.get(metadata_path(entry)).status == 404
    assert "data-core-metadata" not in index.get(f"/simple/{filename.partition('-')[0]}/", Accept="text/html").text


def test_those_of_wheels_are(index: RunningIndex) -> None:
    entry = listed(index, FILES[-1][0])
    assert index.get(metadata_path(entry)).status == 200


def install(index: RunningIndex, tmp_path: Path, *command: object) -> str:
    """Install with a tool into a new environment; returns what the index was asked for meanwhile."""
    subprocess.run([BIN / "uv", "venv", "--quiet", "--python", sys.executable, tmp_path / "venv"], check=True)
    before = index.log.stat().st_size
    arguments = [str(each) for each in command]
    done = subprocess.run(arguments, env=clean_environ(tmp_path), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    python = tmp_path / "venv" / "bin" / "python"
    script = "from importlib.metadata import version; print(version('picky'))"
    assert subprocess.check_output([python, "-c", script], text=True).strip() == "1.0"
    return index.log.read_text()[before:]


def was_asked_for(log: str, filename: str) -> bool:
    return re.search(rf"path=/files/[0-9a-f]{{64}}/{re.escape(filename)}(?=[ \n])", log) is not None


def test_pip_goes_back_to_an_older_release_without_fetching_the_newer(index: RunningIndex, tmp_path: Path) -> None:
    log = install(
        index, tmp_path, BIN / "pip", "--python", tmp_path / "venv" / "bin" / "python", "install", "--no-cache-dir",
        "--index-url", f"{index.url}/simple/", "picky",
    )  # fmt: skip
    assert was_asked_for(log, "picky-2.0.tar.gz.metadata")
    assert not was_asked_for(log, "picky-2.0.tar.gz")
    assert was_asked_for(log, "picky-1.0.tar.gz")


def test_uv_goes_back_to_an_older_release(index: RunningIndex, tmp_path: Path) -> None:
    log = install(
        index, tmp_path, BIN / "uv", "pip", "install", "--no-cache", "--python", tmp_path / "venv" / "bin" / "python",
        "--default-index", f"{index.url}/simple/", "picky",
    )  # fmt: skip
    assert was_asked_for(log, "picky-1.0.tar.gz")


def test_the_blob_of_every_sdists_metadata_is_kept(index: RunningIndex) -> None:
    script = "from packages.models import File; print(*File.objects.order_by('filename').values_list("
    lines = index.manage("shell", "-c", script + "'filename', 'metadata_is_static', 'metadata_sha256'), sep='\\n')")
    rows = dict(re.findall(r"\('([^']+)', (True|False), '[0-9a-f]{64}'\)", lines))
    assert rows == {
        "ancient-1.0.tar.gz": "False", "vague-1.0.tar.gz": "False",
        "picky-1.0.tar.gz": "True", "picky-2.0.tar.gz": "True", FILES[-1][0]: "True",
    }  # fmt: skip
