"""The client's wheel by itself: no server, no Django, and signatures verified without the cryptography package."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from client.tests.homes import Home
from client.tests.hostile_mirror import HostileMirror
from client.tests.index_simulator import IndexSimulator

SOURCE = Path(__file__).parents[1]
UV = str(Path(sys.executable).with_name("uv"))


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of a fresh environment that holds the wheel and what it needs, and nothing else."""
    folder = tmp_path_factory.mktemp("alone")
    tree = folder / "client"
    shutil.copytree(SOURCE, tree, ignore=shutil.ignore_patterns("*.egg-info", "build", "__pycache__", "tests"))
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(tree)]
    subprocess.run(build, check=True, capture_output=True)
    subprocess.run([UV, "venv", "-q", "--python", sys.executable, str(folder / "venv")], check=True)
    wheel = str(next(folder.glob("*.whl")))
    subprocess.run([UV, "pip", "install", "-q", "--python", str(folder / "venv" / "bin" / "python"), wheel], check=True)
    return folder / "venv" / "bin"


def test_the_wheel_installs_alone(alone: Path) -> None:
    shown = subprocess.run([alone / "indexsite", "--version"], check=True, capture_output=True, text=True)
    assert shown.stdout.startswith("indexsite, version ")

    script = "import importlib.util as u; print([n for n in ('django', 'cryptography', 'indexsite') if u.find_spec(n)])"
    found = subprocess.run([alone / "python", "-I", "-c", script], check=True, capture_output=True, text=True)
    assert found.stdout == "[]\n"


def test_every_module_imports_without_django_and_cryptography(alone: Path) -> None:
    """But for the ceremony, which makes keys; its commands are imported with all others."""
    paths = (path.relative_to(SOURCE / "src") for path in (SOURCE / "src/indexsite_client").rglob("[a-z]*.py"))
    every = sorted(".".join(path.with_suffix("").parts) for path in paths)
    ceremony = "indexsite_client.ceremony."
    modules = [name for name in every if not name.startswith(ceremony) or name == f"{ceremony}commands"]
    assert len(modules) > 30
    subprocess.run([alone / "python", "-I", "-c", f"import {', '.join(modules)}"], check=True)


def test_the_ceremony_says_what_it_needs(alone: Path, tmp_path: Path) -> None:
    command = [str(alone / "indexsite"), "ceremony", "status", str(tmp_path)]
    refused = subprocess.run(command, capture_output=True, text=True)
    assert refused.returncode == 2
    assert "pip install 'indexsite-client[crypto]'" in refused.stderr


def test_signatures_are_verified_without_compiled_extensions(
    alone: Path, home: Home, simulator: IndexSimulator, mirror: HostileMirror
) -> None:
    def indexsite(*arguments: str) -> int:
        command = [str(alone / "indexsite"), *arguments]
        done = subprocess.run(command, env=home.environment, cwd=home.folder, capture_output=True, timeout=120)
        return done.returncode

    assert indexsite("trust", mirror.url, "--fingerprint", simulator.fingerprint) == 0
    assert indexsite("run", "--", *home.installer("uv", "demo-app")) == 0
    assert home.installed() == {"demo_app", "demo_lib"}

    simulator.signers["timestamp"] = IndexSimulator().signers["timestamp"]
    simulator.publish()
    assert indexsite("run", "--", *home.installer("uv", "demo-app")) == 1
