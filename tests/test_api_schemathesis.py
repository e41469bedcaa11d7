"""schemathesis, which invents requests from the schema, against a running index: no 5xx, and every answer as promised.

A fixed number of examples from a fixed seed: as a stranger, then as an owner whose project the addresses name.
"""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import NewIndex
from tests.distributions import wheel
from tests.running import BIN, RunningIndex

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance"
CHECKS += ",response_headers_conformance,response_schema_conformance"
FILENAME, CONTENT = wheel("demo", "1.0")
PINNED = {"name": "demo", "version": "1.0", "filename": FILENAME, "user": "second"}
OWNER = """
from accounts.callers import Scope, create_token; from accounts.models import User
from django.utils.timezone import now; from packages.models import Membership, Project
owner, second = (User.objects.create(username=name) for name in ("owner", "second"))
Membership.objects.create(project=Project.objects.get(), user=owner, role="owner")
scopes = [Scope.ADMIN, Scope.UPLOAD]
spare, token = (create_token(owner, scopes=scopes, projects=[], now=now(), lifetime=None) for _ in range(2))
print("token", token)
"""
ENDS = ("delete_project", "delete_release", "delete_file", "revoke_token")  # after which there is nothing left to ask


@pytest.fixture
def index(new_index: NewIndex) -> RunningIndex:
    """With a project; nobody is counted, for hundreds of requests come within seconds."""
    limits = {"INDEXSITE_API_REQUESTS_PER_USER": "0", "INDEXSITE_API_REQUESTS_PER_ADDRESS": "0"}
    index = new_index(**limits).start()
    assert index.post_upload(FILENAME, CONTENT, token=index.token()).status == 200
    index.wait_until_listed("demo", FILENAME)
    return index


def invent(index: RunningIndex, folder: Path, *options: str, phases: str = "coverage,fuzzing") -> int:
    """Run schemathesis; how many requests it made, once it has found nothing."""
    lines = ["[parameters]", *(f'"path.{name}" = {json.dumps(value)}' for name, value in PINNED.items())]
    (folder / "schemathesis.toml").write_text("\n".join(lines))
    command = [str(BIN / "schemathesis"), "--config-file", "schemathesis.toml", "run", f"{index.url}/api/v1/schema/"]
    command += ["--checks", CHECKS, "--phases", phases, "--seed", "1", "--no-color", "--no-shrink", *options]
    command += ["--generation-database", ":memory:", "--request-timeout", "60", "--suppress-health-check", "all"]
    environment = {**os.environ, "COLUMNS": "200"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    found = re.search(r"(\d+) generated, (\d+) passed", done.stdout)
    assert found is not None, done.stdout[-3000:]
    assert found[1] == found[2]
    return int(found[1])


def test_strangers_find_no_fault(index: RunningIndex, tmp_path: Path) -> None:
    assert invent(index, tmp_path, "--max-examples", "5", phases="fuzzing") > 100
    assert index.page("demo")["files"]


def test_an_owner_finds_no_fault(index: RunningIndex, tmp_path: Path) -> None:
    token = index.manage("shell", "--verbosity", "0", "-c", OWNER).split()[-1]
    options = ("-H", f"Authorization: Bearer {token}", "--max-examples", "3")
    kept = [option for name in ENDS for option in ("--exclude-operation-id", name)]
    assert invent(index, tmp_path, *options, *kept) > 300
    acts = {row["act"] for row in journal(index, token)}
    assert {"file.yanked", "release.reopened", "project.archived", "retention.set"} <= acts
    for name in ("delete_file", "delete_release", "delete_project"):
        assert invent(index, tmp_path, *options, "--include-operation-id", name, phases="fuzzing") > 0
    assert "project.deleted" in {row["act"] for row in journal(index, token)}
    assert invent(index, tmp_path, *options, "--include-operation-id", "revoke_token") > 5


def journal(index: RunningIndex, token: str) -> list[dict[str, str]]:
    reply = index.get("/api/v1/projects/demo/journal/?limit=200", Authorization=f"Bearer {token}")
    assert reply.status == 200, reply.text
    rows: list[dict[str, str]] = reply.json()["results"]
    return rows
