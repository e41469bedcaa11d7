"""The main job with real tools on real input: upload, sign, install, verify; on both databases."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tuf.ngclient import Updater

from indexsite_client.protocol import parse_distribution_filename
from tests.running import BIN, RunningIndex


@pytest.fixture(scope="module")
def filled(any_index: RunningIndex, real_distributions: list[Path]) -> RunningIndex:
    """An index to which twine uploaded the real distributions, unmodified."""
    done = any_index.twine_upload(real_distributions, token=any_index.token())
    assert done.returncode == 0, done.stdout + done.stderr
    for path in real_distributions:
        any_index.wait_until_listed(parse_distribution_filename(path.name).project, path.name)
    return any_index


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """A new virtual environment without pip, which is told of it by --python; the path of its Python."""
    subprocess.run([BIN / "uv", "venv", "--quiet", "--python", sys.executable, tmp_path / "venv"], check=True)
    return tmp_path / "venv" / "bin" / "python"


def clean_environ(tmp_path: Path) -> dict[str, str]:
    """A process environment without anybody's pip and uv configuration."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_", "INDEXSITE_"))}
    return {**kept, "PIP_CONFIG_FILE": os.devnull, "UV_NO_CONFIG": "1", "HOME": str(tmp_path)}


def run(*command: object, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Run a tool to its end."""
    arguments = [str(each) for each in command]
    return subprocess.run(arguments, env=clean_environ(tmp_path), capture_output=True, text=True, timeout=300)


def test_pip_installs_flask_with_its_dependencies(filled: RunningIndex, environment: Path, tmp_path: Path) -> None:
    done = run(
        BIN / "pip", "--python", environment, "install", "--no-cache-dir",
        "--index-url", f"{filled.url}/simple/", "flask",
        tmp_path=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert run(environment, "-c", "import flask, markupsafe, werkzeug", tmp_path=tmp_path).returncode == 0


def test_uv_installs_flask_with_its_dependencies(filled: RunningIndex, environment: Path, tmp_path: Path) -> None:
    done = run(
        BIN / "uv", "pip", "install", "--no-cache", "--python", environment, "--default-index",
        f"{filled.url}/simple/", "flask", "zope.interface",
        tmp_path=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert run(environment, "-c", "import flask, zope.interface", tmp_path=tmp_path).returncode == 0


def test_pip_builds_and_installs_an_sdist(filled: RunningIndex, environment: Path, tmp_path: Path) -> None:
    done = run(
        BIN / "pip", "--python", environment, "install", "--no-cache-dir", "--no-binary", "six",
        "--index-url", f"{filled.url}/simple/", "six",
        tmp_path=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert run(environment, "-c", "import six", tmp_path=tmp_path).returncode == 0


def test_uv_publish_uploads_and_repeats_harmlessly(any_index: RunningIndex, tmp_path: Path) -> None:
    from tests.distributions import sdist, wheel

    for name, content in (wheel("Uv.Published", "1.0"), sdist("uv-published", "1.0")):
        (tmp_path / name).write_bytes(content)
    command = [BIN / "uv", "publish", "--publish-url", f"{any_index.url}/legacy/", "--token", any_index.token()]
    for _ in range(2):
        done = run(*command, *sorted(tmp_path.glob("uv_published*")), tmp_path=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
    any_index.wait_until_listed("uv-published", "uv_published-1.0-py3-none-any.whl", "uv_published-1.0.tar.gz")


def test_uv_publish_says_why_a_file_was_refused(any_index: RunningIndex, tmp_path: Path) -> None:
    from tests.distributions import wheel

    name, content = wheel("uv-refused", "1.0", extra="Classifier: Not :: One\n")
    (tmp_path / name).write_bytes(content)
    command = [BIN / "uv", "publish", "--publish-url", f"{any_index.url}/legacy/", "--token", any_index.token()]
    done = run(*command, tmp_path / name, tmp_path=tmp_path)
    assert done.returncode != 0
    assert "Not :: One" in done.stderr.partition("Server says: ")[2]


def test_everything_verifies_in_python_tuf(
    filled: RunningIndex, real_distributions: list[Path], tmp_path: Path
) -> None:
    updater = Updater(
        metadata_dir=str(tmp_path / "metadata"),
        metadata_base_url=f"{filled.url}/tuf/metadata/",
        target_base_url=f"{filled.url}/tuf/targets/",
        target_dir=str(tmp_path),
        bootstrap=filled.root(),
    )
    updater.refresh()
    for path in real_distributions:
        project = parse_distribution_filename(path.name).project
        for name in (path.name, "index.json"):
            target = updater.get_targetinfo(f"{project}/{name}")
            assert target is not None, name
            fetched = Path(updater.download_target(target)).read_bytes()
            assert name == "index.json" or fetched == path.read_bytes()
            assert hashlib.sha256(fetched).hexdigest() == target.hashes["sha256"]


@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_the_client_installs_verified(filled: RunningIndex, environment: Path, tmp_path: Path, installer: str) -> None:
    command = [BIN / "indexsite", "trust", filled.url, "--fingerprint", filled.fingerprint(), "--development"]
    state = {**clean_environ(tmp_path), "XDG_DATA_HOME": str(tmp_path / "xd"), "XDG_CACHE_HOME": str(tmp_path / "xc")}
    trusted = subprocess.run([str(each) for each in command], env=state, capture_output=True, text=True, timeout=60)
    assert trusted.returncode == 0, trusted.stderr
    install = {
        "pip": [BIN / "pip", "--python", environment, "install", "flask"],
        "uv": [BIN / "uv", "pip", "install", "--python", environment, "flask"],
    }[installer]
    arguments = [str(each) for each in [BIN / "indexsite", "run", "--", *install]]
    done = subprocess.run(arguments, env=state, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert run(environment, "-c", "import flask, markupsafe", tmp_path=tmp_path).returncode == 0
