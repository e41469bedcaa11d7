"""`indexsite verify --environment`: installed files against the index's wheels, by real installers and by hand."""

import base64
import hashlib
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from client.tests.distributions import sdist, wheel
from client.tests.homes import Home
from client.tests.index_simulator import Blob, IndexSimulator, blob
from indexsite_client.errors import UsageError, VerificationError
from indexsite_client.protocol import Json
from indexsite_client.verification.environments import environment_at, environment_of
from indexsite_client.verification.wheels import read_wheel

BACKEND = """
import pathlib, zipfile
def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = "demo_sdist-1.0-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(folder, name), "w") as archive:
        archive.writestr("demo_sdist.py", "")
        info = "demo_sdist-1.0.dist-info/"
        archive.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: demo-sdist\\nVersion: 1.0\\n")
        archive.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        archive.writestr(info + "RECORD", "")
    return name
"""


def rich_wheel() -> Blob:
    """A wheel with everything whose place or contents depends on the environment."""
    info, data = "demo_rich-1.0.dist-info", "demo_rich-1.0.data"
    contents = {
        "demo_rich/__init__.py": b"def main(): pass\n",
        "demo_rich/data.txt": b"data\n",
        f"{data}/scripts/rich-script": b"#!python\nprint('hello')\n",
        f"{data}/purelib/demo_pure.py": b"PURE = True\n",
        f"{data}/data/share/demo/notes.txt": b"notes\n",
        f"{info}/entry_points.txt": b"[console_scripts]\nrich-main = demo_rich:main\n",
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: demo-rich\nVersion: 1.0\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py2.py3-none-any\n",
    }
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        rows = []
        for path, content in contents.items():
            archive.writestr(path, content)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            rows.append(f"{path},sha256={digest},{len(content)}\n")
        archive.writestr(f"{info}/RECORD", "".join([*rows, f"{info}/RECORD,,\n"]))
    return blob("demo_rich-1.0-py2.py3-none-any.whl", stream.getvalue(), contents[f"{info}/METADATA"])


@pytest.fixture
def installed(trusted: Home, simulator: IndexSimulator) -> Home:
    """An environment with three distributions of the index."""
    simulator.add_project("demo-rich", [rich_wheel()])
    simulator.add_project("demo-sdist", [sdist("demo_sdist", "1.0", backend=BACKEND)])
    simulator.publish()
    done = trusted.run(*trusted.installer("uv", "demo-app", "demo-rich"))
    assert done.returncode == 0, done.stderr
    return trusted


def library(home: Home) -> Path:
    [found] = home.venv.glob("lib/python3*/site-packages")
    return found


def look(home: Home, *options: str) -> tuple[int, dict[str, Json], Json]:
    """Exit code, what is said of each distribution, and the whole answer."""
    done = home.indexsite("verify", "--environment", str(home.venv), "--json", *options)
    assert done.stderr == ""
    document = json.loads(done.stdout)
    return done.returncode, {each["name"]: each for each in document["distributions"]}, document


@pytest.mark.parametrize("kind", ["pip", "uv"])
def test_what_an_installer_has_written_is_the_same(trusted: Home, simulator: IndexSimulator, kind: str) -> None:
    simulator.add_project("demo-rich", [rich_wheel()])
    simulator.publish()
    assert trusted.run(*trusted.installer(kind, "demo-app", "demo-rich")).returncode == 0
    subprocess.run([trusted.python, "-m", "compileall", "-q", str(library(trusted))], check=True)

    code, distributions, document = look(trusted)
    assert {name: each["state"] for name, each in distributions.items()} == dict.fromkeys(
        ["demo-app", "demo-lib", "demo-rich"], "same"
    ), document
    assert (code, document["generated"], document["surplus"]) == (0, 1, [])
    assert document["compiled"]
    by_python = trusted.indexsite("verify", "--python", trusted.python)
    assert (by_python.returncode, by_python.stderr) == (0, "")
    assert "Not compared: " in by_python.stdout
    assert "3 distributions: 3 same; 0 files belong to none." in by_python.stdout
    assert "does not show what ran before" in by_python.stdout


def test_each_changed_missing_or_surplus_file_is_named(installed: Home) -> None:
    site = library(installed)
    record = site / "demo_app-2.0.dist-info" / "RECORD"
    (site / "demo_lib.py").write_text("SAYS = 'evil'\n")
    (site / "demo_rich" / "data.txt").unlink()
    (site / "demo_rich" / "evil.py").write_text("")
    (site / "evil.pth").write_text("import evil\n")
    (site / "demo_app_more.py").write_text("")
    record.write_text(record.read_text() + "demo_app_more.py,,\n")  # a thief notes his file where an installer would
    script = installed.venv / "bin" / "rich-script"
    script.write_text(script.read_text() + "evil()\n")

    code, distributions, document = look(installed)
    assert code == 1
    shown = {
        name: {(d["kind"], Path(d["path"]).name) for d in each["differences"]} for name, each in distributions.items()
    }
    assert shown == {
        "demo-lib": {("changed", "demo_lib.py")},
        "demo-rich": {("missing", "data.txt"), ("changed", "rich-script")},
        "demo-app": {("surplus", "demo_app_more.py")},
    }
    assert {Path(str(path)).name for path in document["surplus"]} == {"evil.py", "evil.pth"}
    table = installed.indexsite("verify", "--environment", str(installed.venv))
    assert table.returncode == 1
    assert "changed  lib/" in table.stdout


def test_a_changed_record_hides_nothing(installed: Home) -> None:
    """Who changes a file changes its line in RECORD too: the installed RECORD vouches for nothing."""
    site = library(installed)
    evil = b"SAYS = 'evil'\n"
    (site / "demo_lib.py").write_bytes(evil)
    record = site / "demo_lib-1.1.dist-info" / "RECORD"
    digest = base64.urlsafe_b64encode(hashlib.sha256(evil).digest()).rstrip(b"=").decode()
    lines = [line for line in record.read_text().splitlines() if not line.startswith("demo_lib.py,")]
    record.write_text("\n".join([*lines, f"demo_lib.py,sha256={digest},{len(evil)}", ""]))

    code, distributions, _document = look(installed)
    assert (code, distributions["demo-lib"]["state"]) == (1, "different")


def test_a_compiled_file_without_its_source_is_surplus(installed: Home) -> None:
    site = library(installed)
    (site / "__pycache__").mkdir(exist_ok=True)
    (site / "__pycache__" / "demo_lib.cpython-311.pyc").write_bytes(b"")
    (site / "__pycache__" / "evil.cpython-311.pyc").write_bytes(b"")
    (site / "demo_evil.pyc").write_bytes(b"")

    code, _distributions, document = look(installed)
    assert code == 1
    assert {Path(str(path)).name for path in document["surplus"]} == {"evil.cpython-311.pyc", "demo_evil.pyc"}


def test_what_is_not_from_the_index_or_cannot_be_told_is_said(installed: Home, tmp_path: Path) -> None:
    strangers = [wheel("stranger", "1.0"), wheel("demo-lib", "0.1"), wheel("demo-url", "1.0")]
    for stranger in strangers:
        (tmp_path / stranger.entry.filename).write_bytes(stranger.data)
    no_index = ["--no-index", "--no-deps", "--target", str(library(installed)), "--upgrade"]
    paths = [str(tmp_path / stranger.entry.filename) for stranger in strangers[:2]]
    command = [*installed.pip, "install", "-q", *no_index, *paths]
    subprocess.run(command, check=True, env=installed.environment, capture_output=True)
    for left in library(installed).glob("*/direct_url.json"):
        left.unlink()
    subprocess.run(
        [*installed.pip, "install", "-q", *no_index, str(tmp_path / strangers[2].entry.filename)],
        check=True,
        env=installed.environment,
        capture_output=True,
    )
    assert installed.run(*installed.installer("uv", "demo-sdist", "--no-deps")).returncode == 0

    code, distributions, document = look(installed)
    states = {(each["name"], each["version"]): each["state"] for each in document["distributions"]}
    assert states["stranger", "1.0"] == states["demo-lib", "0.1"] == "not from this index"
    assert states["demo-url", "1.0"] == states["demo-sdist", "1.0"] == "cannot be told"
    assert "sdist" in distributions["demo-sdist"]["reason"]
    assert (code, document["surplus"]) == (3, [])


def test_a_wheel_that_was_renamed_is_known_by_its_files(trusted: Home, simulator: IndexSimulator) -> None:
    """An index takes over wheels whose name and WHEEL say different tags, by which nobody installs."""
    made = wheel("demo-renamed", "1.0")
    renamed = blob(made.entry.filename.replace("py3-", "py2.py3-"), made.data, made.metadata)
    simulator.add_project("demo-renamed", [renamed])
    simulator.publish()
    assert trusted.run(*trusted.installer("pip", "demo-renamed")).returncode == 0

    code, distributions, _document = look(trusted)
    assert (code, distributions["demo-renamed"]["state"]) == (0, "same")
    (library(trusted) / "demo_renamed.py").write_text("")
    code, distributions, _document = look(trusted)
    assert (code, distributions["demo-renamed"]["state"]) == (1, "different")


def test_what_belongs_to_nobody_counts_unless_it_is_ignored_by_name(installed: Home) -> None:
    (library(installed) / "_ours.pth").write_text("")

    code, _distributions, document = look(installed)
    assert (code, len(document["surplus"])) == (1, 1)
    code, _distributions, document = look(installed, "--ignore", "_ours.*")
    assert (code, document["ignored"], document["surplus"]) == (0, 1, [])


def test_the_interpreter_of_a_virtual_environment_is_not_started(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "lib/python3.11/site-packages").mkdir(parents=True)
    (tmp_path / "pyvenv.cfg").write_text("")
    python = tmp_path / "bin" / "python"
    python.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    python.chmod(0o755)

    assert environment_of(python).prefix == tmp_path
    assert not (tmp_path / "started").exists()
    with pytest.raises(UsageError):
        environment_at(tmp_path / "bin")


@pytest.mark.parametrize("name", ["../evil.py", "/evil.py", "a/../../evil.py", "a\\b.py"])
def test_a_wheel_with_paths_that_lead_out_is_not_compared(tmp_path: Path, name: str) -> None:
    (tmp_path / "lib/python3.11/site-packages").mkdir(parents=True)
    environment = environment_at(tmp_path)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(name, b"")
    with pytest.raises(VerificationError):
        read_wheel(stream, environment.libraries[0], environment)
    with pytest.raises(VerificationError, match="archive"):
        read_wheel(io.BytesIO(b"no archive"), environment.libraries[0], environment)


def test_the_help_is_quick_to_import() -> None:
    late = ("tuf", "httpx2", "sqlite3", "zipfile")
    script = f"import sys, indexsite_client.cli; print([name for name in {late} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
