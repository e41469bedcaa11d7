"""The configurations in `deploy/` name commands, settings and files that exist."""

import configparser
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands

from indexsite.environment import PREFIX, Environment
from tests.databases import missing_part
from tests.running import CHECKOUT

DEPLOY = CHECKOUT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
PARTS = {"serve", "web", "worker", "prepare"}
needs_scaled_mode = pytest.mark.skipif("prepare" not in get_commands(), reason="scaled mode is not in this checkout")


def settings_in(text: str) -> set[str]:
    """The names of the INDEXSITE_ settings in a text, as fields of Environment."""
    return {name.removesuffix("_FILE").lower() for name in re.findall(rf"\b{PREFIX}([A-Z_]+[A-Z])\b", text)}


@pytest.mark.parametrize("path", [path for path in DEPLOY.rglob("*") if path.is_file()], ids=lambda path: path.name)
def test_every_setting_that_is_named_exists(path: Path) -> None:
    assert settings_in(path.read_text()) <= set(Environment.model_fields)


def test_every_setting_that_the_documents_name_exists() -> None:
    for path in [CHECKOUT / "README.md", *(CHECKOUT / "docs").glob("*.md")]:
        assert settings_in(path.read_text()) <= set(Environment.model_fields), path


def read_unit(path: Path) -> dict[str, dict[str, list[str]]]:
    """Sections of a unit; a key may come more than once."""
    parser = configparser.RawConfigParser(strict=False, dict_type=dict, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keys are case-sensitive
    parser.read(path)
    found: dict[str, dict[str, list[str]]] = {name: {} for name in parser.sections()}
    section = ""
    for line in path.read_text().splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found[section].setdefault(key, []).append(value)
    return found


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_units_run_our_commands_and_give_up_every_privilege(path: Path) -> None:
    unit = read_unit(path)
    service = unit["Service"]
    command = service["ExecStart"][0].split()
    assert command[:2] == ["/opt/indexsite/.venv/bin/python", "manage.py"]
    assert command[2] in PARTS
    if command[2] != "prepare":
        assert command[2] in get_commands()
    assert service["User"] == ["indexsite"]
    for name in ("NoNewPrivileges", "PrivateTmp", "ProtectHome", "ProtectKernelModules", "RestrictSUIDSGID"):
        assert service[name] == ["yes"], name
    assert service["ProtectSystem"] == ["strict"]
    assert service["CapabilityBoundingSet"] == [""]
    assert service["StateDirectory"] == ["indexsite"]
    assert "INDEXSITE_DATA=/var/lib/indexsite" in service["Environment"]
    names = {each.name for each in UNITS}
    for required in unit["Unit"].get("Requires", []):
        assert required in names
    if "TimeoutStopSec" in service:
        assert int(service["TimeoutStopSec"][0]) > 20  # `serve` stops within 20 s by itself


def test_systemd_finds_no_fault_in_the_units(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        missing_part("systemd-analyze")
    for path in UNITS:
        (tmp_path / path.name).write_text(path.read_text().replace("/opt/indexsite", str(CHECKOUT)))
    names = [str(tmp_path / path.name.replace("@", "@8000")) for path in UNITS]
    for name in names:
        if not Path(name).exists():
            Path(name).write_text(Path(name.replace("@8000", "@")).read_text())
    done = subprocess.run(["systemd-analyze", "verify", *names], capture_output=True, text=True, timeout=120)
    ours = [line for line in (done.stdout + done.stderr).splitlines() if "indexsite" in line]
    assert ours == []


def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / "docker" / "compose.yaml").read_text()))


@needs_scaled_mode
def test_compose_runs_our_commands() -> None:
    for name, service in compose()["services"].items():
        if service.get("image") == "indexsite":
            assert service["command"][0] == name
            assert name in get_commands()


def test_compose_is_whole() -> None:
    read = compose()
    services, folder = read["services"], DEPLOY / "docker"
    assert {"prepare", "web", "worker", "nginx", "postgres", "redis", "s3"} <= set(services)
    for service in services.values():
        assert set(service.get("depends_on", [])) <= set(services)
        assert set(service.get("secrets", [])) <= set(read["secrets"])
        assert {each["source"] for each in service.get("configs", [])} <= set(read["configs"])
        for volume in service.get("volumes", []):
            assert volume.startswith("/") or volume.partition(":")[0] in read["volumes"]
    for config in read["configs"].values():
        assert (folder / config["file"]).is_file()
    ours = [service for service in services.values() if service.get("image") == "indexsite"]
    for service in ours:
        assert (folder / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
        assert service["cap_drop"] == ["ALL"]
        for name, value in service["environment"].items():
            if name.endswith("_FILE"):
                assert value.removeprefix("/run/secrets/") in service["secrets"]
    assert not [name for service in ours for name in service["environment"] if name.endswith(("_KEY", "DATABASE_URL"))]


def test_the_image_runs_our_commands_as_nobody_special() -> None:
    lines = (DEPLOY / "docker" / "Dockerfile").read_text().splitlines()
    steps = [line.split(maxsplit=1) for line in lines if line and not line.startswith(("#", " "))]
    said = dict(steps)
    entry, command = json.loads(said["ENTRYPOINT"]), json.loads(said["CMD"])
    assert entry == [".venv/bin/python", "manage.py"]
    assert command[0] in get_commands()
    assert said["USER"] == "indexsite"
    copied = [word for name, value in steps if name == "COPY" for word in value.split()[:-1]]
    for name in (word for word in copied if not word.startswith(("--", "/"))):
        assert (CHECKOUT / name).exists(), name
    makefile = (CHECKOUT / "Makefile").read_text()
    for target in re.findall(r"RUN make (\S+)", "\n".join(lines)):
        assert f"\n{target}:" in makefile
