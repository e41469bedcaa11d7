"""Real pip and real uv install through `indexsite run` from an honest index."""

import pytest

from client.tests.homes import Home, eventually, is_running
from client.tests.hostile_mirror import HostileMirror
from client.tests.index_simulator import IndexSimulator

KINDS = ["pip", "uv"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_project_and_its_dependency_are_installed(trusted: Home, mirror: HostileMirror, kind: str) -> None:
    done = trusted.run(*trusted.installer(kind, "Demo.App"))

    assert done.returncode == 0, done.stderr
    assert trusted.installed() == {"demo_app", "demo_lib"}
    assert not [path for path in mirror.paths() if path.startswith("/simple/")]


def script(home: Home, text: str) -> str:
    """A program named pip that does what the test says."""
    path = home.folder / "pip"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_the_exit_code_is_the_installers(trusted: Home) -> None:
    assert trusted.run(script(trusted, "exit 7"), "install", "x").returncode == 7
    assert trusted.run(script(trusted, "kill -9 $$"), "install", "x").returncode == 128 + 9


def test_what_the_installer_leaves_running_is_ended(trusted: Home) -> None:
    done = trusted.run(script(trusted, "sleep 600 > /dev/null 2>&1 & echo $! > left"), "install", "x")

    assert done.returncode == 0
    pid = int((trusted.folder / "left").read_text())
    eventually(lambda: not is_running(pid))


@pytest.mark.parametrize("kind", KINDS)
def test_a_project_that_does_not_exist_is_not_a_refusal(trusted: Home, kind: str) -> None:
    done = trusted.run(*trusted.installer(kind, "absent"))

    assert done.returncode == 1
    assert "indexsite: refused" not in done.stderr


def test_runs_at_once_do_not_disturb_each_other(trusted: Home, simulator: IndexSimulator) -> None:
    simulator.publish()
    runs = [trusted.start("run", "--", *trusted.installer("uv", "--target", f"d{i}", "demo-app")) for i in range(3)]
    errors = [run.communicate(timeout=120)[1] for run in runs]

    assert [run.returncode for run in runs] == [0, 0, 0], errors
    assert all(len(list((trusted.folder / f"d{i}").glob("demo_*.py"))) == 2 for i in range(3))


def test_other_programs_are_a_wrong_usage(trusted: Home) -> None:
    done = trusted.run("npm", "install", "x")

    assert done.returncode == 2
    assert done.stderr.startswith("indexsite: ")
    assert "uv pip" in done.stderr


def test_without_verification_the_run_warns_and_uses_the_index_itself(
    trusted: Home, mirror: HostileMirror, canary: HostileMirror
) -> None:
    trusted.environment["UV_INDEX"] = f"{canary.url}/simple"
    unsafe = ["run", "--unsafely-disable-package-verification", "--"]

    done = trusted.indexsite(*unsafe, *trusted.installer("uv", "demo-app"))

    assert done.returncode == 0, done.stderr
    assert "WARNING" in done.stderr
    assert "/simple/demo-app/" in mirror.paths()
    assert trusted.indexsite(*unsafe, *trusted.installer("uv", "-i", canary.url, "demo-app")).returncode == 1
    assert canary.connections == 0
