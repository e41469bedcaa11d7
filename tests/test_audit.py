"""The audit on running indexes: nothing where all is well, and each kind of damage by its code and nothing else."""

import json
from typing import Any

import pytest

from tests.backups import run, upload
from tests.damages import DAMAGES, LOOP, STORE, Damage, Finding
from tests.running import RunningIndex


@pytest.fixture(scope="module")
def index(each_mode: RunningIndex) -> RunningIndex:
    """Two projects, in several publications."""
    token = each_mode.token()
    upload(each_mode, token, "audited", "1.0")
    upload(each_mode, token, "other", "1.0")
    upload(each_mode, token, "audited", "2.0")
    return each_mode


@pytest.fixture(scope="module")
def found(index: RunningIndex, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Finding]]:
    """What the audit found of each damage, done and undone one after another, in one process."""
    asked = tmp_path_factory.mktemp("audit") / "damages.json"
    asked.write_text(json.dumps([(each.name, each.do, each.undo) for each in DAMAGES]))
    told = asked.with_name("found.json")
    variables = {"AUDIT_ASKED": str(asked), "AUDIT_TOLD": str(told), "AUDIT_KEPT": str(asked.with_name("kept"))}
    done = run(index, "shell", "--verbosity", "0", "-c", f"{STORE}{LOOP}", **variables)
    assert done.returncode == 0, done.stderr
    read: dict[str, list[Finding]] = json.loads(told.read_text())
    return read


def audit(index: RunningIndex, *arguments: object) -> dict[str, Any]:  # Any: the audit's JSON
    done = run(index, "tuf_audit", "--json", *arguments)
    said: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == (1 if said["findings"] else 0), done.stderr
    return said


def test_a_clean_index_has_no_findings(index: RunningIndex) -> None:
    said = audit(index)
    assert (said["findings"], said["targets"]) == ([], 5)
    done = run(index, "tuf_audit")
    assert done.returncode == 0
    assert done.stdout.rstrip().endswith("5 targets, nothing is wrong.")


@pytest.mark.parametrize("damage", DAMAGES, ids=str)
def test_each_damage_is_found_by_its_code_and_nothing_else(found: dict[str, list[Finding]], damage: Damage) -> None:
    findings = found[damage.name]
    assert [each["code"] for each in findings] == damage.finds.split(), findings
    assert damage.where in findings[0]["where"]
    assert findings[0]["advice"]


def test_after_all_of_them_all_is_well_again(found: dict[str, list[Finding]]) -> None:
    """So that none found what another left behind."""
    assert found["afterwards"] == []


def test_several_findings_are_told_together(index: RunningIndex) -> None:
    def change(script: str) -> None:
        index.manage("shell", "--verbosity", "0", "-c", f"{STORE}{script}")

    change("put('blobs/aa/x', b''); PublicLogEntry.objects.create(number=9999, line='{}')")
    try:
        assert audit(index)["counts"] == {"surplus-file": 1, "log-end-differs": 1}
        done = run(index, "tuf_audit")
        assert "surplus-file: blobs/aa/x:" in done.stdout
        assert "log-end-differs (1): " in done.stdout
        assert "The audit found 2 faults." in done.stderr
    finally:
        change("remove('blobs/aa/x'); PublicLogEntry.objects.get(number=9999).delete()")
