"""The tools that developers use, unchanged: each builds and uploads, each installs."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.running import BIN, RunningIndex
from tests.tools import tool

BACKENDS = {
    "poetry": 'requires = ["poetry-core"]\nbuild-backend = "poetry.core.masonry.api"',
    "flit": 'requires = ["flit_core"]\nbuild-backend = "flit_core.buildapi"',
    "hatch": 'requires = ["hatchling"]\nbuild-backend = "hatchling.build"',
    "pdm": 'requires = ["pdm-backend"]\nbuild-backend = "pdm.backend"',
    "uv": 'requires = ["uv_build"]\nbuild-backend = "uv_build"',
}


@pytest.fixture(scope="module")
def index(module_index: RunningIndex) -> RunningIndex:
    return module_index


def project(folder: Path, maker: str) -> Path:
    """A project with rich metadata, built by its own tool's backend."""
    name = f"made-with-{maker}"
    module = name.replace("-", "_")
    top = folder / name
    package = top / "src" / module
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(f'"""Made with {maker}."""\n\n__version__ = "1.0"\n')
    (top / "README.md").write_text(f"# {name}\n\nA *test*.\n")
    (top / "LICENSE").write_text("Do as you like.\n")
    (top / "pyproject.toml").write_text(
        f"""
[build-system]
{BACKENDS[maker]}

[project]
name = "{name}"
version = "1.0"
description = "Made with {maker}."
readme = "README.md"
requires-python = ">=3.8"
license = "MIT"
license-files = ["LICENSE"]
keywords = ["one", "two words"]
authors = [{{ name = "Ada Löwe", email = "ada@example.org" }}]
classifiers = ["Programming Language :: Python :: 3"]
dependencies = ["attrs>=21; python_version < '3'"]

[project.optional-dependencies]
extra = ["tomli>=2; python_version < '3'"]

[project.urls]
Source = "https://example.org/{name}"
"""
    )
    return top


def run(command: list[str | Path], *, cwd: Path, **variables: str) -> str:
    """Run a tool to its success, with a home of its own."""
    home = cwd.parent / "home"
    home.mkdir(exist_ok=True)
    kept = {name: os.environ[name] for name in os.environ if not name.startswith(("PIP_INDEX", "UV_INDEX", "VIRTUAL_"))}
    environment = {**kept, "HOME": str(home), "NO_COLOR": "1", **variables}
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, f"{words}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout + done.stderr


def build(top: Path) -> None:
    """Build with the project's own backend. What the backend needs comes from where the tests' parts come from."""
    run([BIN / "uv", "build", "--quiet", "--out-dir", top / "dist", top], cwd=top, HOME=os.environ["HOME"])
    (top / "dist" / ".gitignore").unlink()  # which uv adds, and pdm would upload


def publish(maker: str, top: Path, index: RunningIndex, token: str) -> None:
    to = f"{index.url}/legacy/"
    commands: Mapping[str, tuple[list[str | Path], dict[str, str]]] = {
        "poetry": (
            ["publish", "--repository", "ours", "--no-interaction"],
            {
                "POETRY_REPOSITORIES_OURS_URL": to,
                "POETRY_HTTP_BASIC_OURS_USERNAME": "__token__",
                "POETRY_HTTP_BASIC_OURS_PASSWORD": token,
                "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
            },
        ),
        "flit": (
            ["publish"],
            {
                "FLIT_INDEX_URL": to,
                "FLIT_USERNAME": "__token__",
                "FLIT_PASSWORD": token,
                "FLIT_NO_NETWORK": "1",  # for the list of classifiers only
            },
        ),
        "hatch": (
            ["publish", "--no-prompt"],
            {"HATCH_INDEX_REPO": to, "HATCH_INDEX_USER": "__token__", "HATCH_INDEX_AUTH": token},
        ),
        "pdm": (
            ["publish", "--no-build"],
            {"PDM_PUBLISH_REPO": to, "PDM_PUBLISH_USERNAME": "__token__", "PDM_PUBLISH_PASSWORD": token},
        ),
        "uv": (["publish"], {"UV_PUBLISH_URL": to, "UV_PUBLISH_TOKEN": token}),
    }
    arguments, variables = commands[maker]
    program = BIN / "uv" if maker == "uv" else tool(maker)
    run([program, *arguments], cwd=top, **variables)


@pytest.mark.parametrize("maker", sorted(BACKENDS))
def test_what_a_tool_publishes_is_listed(index: RunningIndex, tmp_path: Path, maker: str) -> None:
    top = project(tmp_path, maker)
    if maker != "flit":  # which builds as it publishes
        build(top)
    publish(maker, top, index, index.token())
    name = f"made-with-{maker}"
    index.wait_until_listed(name, f"made_with_{maker}-1.0.tar.gz")
    index.wait_until_listed(name, f"made_with_{maker}-1.0-py3-none-any.whl")


@pytest.fixture(scope="module")
def installable(index: RunningIndex, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A project with one dependency, both on the index."""
    from tests.distributions import wheel  # noqa: PLC0415

    token = index.token()
    for name, extra in (
        ("needed-there", ""),
        ("to-install", "Requires-Dist: needed-there>=1\nRequires-Python: >=3.8\n"),
    ):
        assert index.post_upload(*wheel(name, "1.0", extra=extra), token=token).status == 200
    index.wait_until_listed("to-install", wheel("to-install", "1.0")[0])
    index.wait_until_listed("needed-there", wheel("needed-there", "1.0")[0])
    return "to-install"


def consumer(folder: Path, extra: str) -> Path:
    """A project that depends on what is on the index."""
    top = folder / "consumer"
    top.mkdir()
    (top / "pyproject.toml").write_text(
        '[project]\nname = "consumer"\nversion = "0"\nrequires-python = ">=3.11"\ndependencies = ["to-install"]\n'
        + extra
    )
    return top


def test_poetry_installs(index: RunningIndex, installable: str, tmp_path: Path) -> None:
    source = f'[[tool.poetry.source]]\nname = "ours"\nurl = "{index.url}/simple/"\npriority = "primary"\n'
    top = consumer(tmp_path, f"[tool.poetry]\npackage-mode = false\n{source}")
    poetry = tool("poetry")
    run([poetry, "install", "--no-interaction"], cwd=top, POETRY_VIRTUALENVS_IN_PROJECT="true")
    assert f'name = "{installable}"' in (top / "poetry.lock").read_text()
    run([top / ".venv" / "bin" / "python", "-c", "import to_install, needed_there"], cwd=top)


def test_pdm_installs(index: RunningIndex, installable: str, tmp_path: Path) -> None:
    source = f'[[tool.pdm.source]]\nname = "pypi"\nurl = "{index.url}/simple/"\nverify_ssl = false\n'
    top = consumer(tmp_path, f"[tool.pdm]\ndistribution = false\n{source}")
    run([tool("pdm"), "install"], cwd=top, PDM_CHECK_UPDATE="false")
    assert f'name = "{installable}"' in (top / "pdm.lock").read_text()
    run([top / ".venv" / "bin" / "python", "-c", "import to_install, needed_there"], cwd=top)
