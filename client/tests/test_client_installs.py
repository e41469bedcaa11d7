"""Real pip and real uv install through `indexsite run` from an honest index."""

import pytest
from conftest import Home
from hostile_mirror import HostileMirror

KINDS = ["pip", "uv"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_project_and_its_dependency_are_installed(trusted: Home, mirror: HostileMirror, kind: str) -> None:
    done = trusted.run(*trusted.installer(kind, "Demo.App"))

    assert done.returncode == 0, done.stderr
    assert trusted.installed() == {"demo_app", "demo_lib"}
    assert not [path for path in mirror.paths() if path.startswith("/simple/")]
