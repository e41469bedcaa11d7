"""The scale command keeps working: a small index goes through every step that a large one is measured by."""

import json
import os
import subprocess
import sys
from pathlib import Path

from bench.scale.generating import OF_A_PROJECT, numbers_by_bin, target_of, target_path
from bench.scale.measuring import overheads
from indexsite_client.protocol import INDEX_PAGE, Bins
from tests.running import CHECKOUT

TARGETS, BINS = 2_000, 64


def test_a_small_index_goes_through_every_step(tmp_path: Path) -> None:
    results = tmp_path / "scale.json"
    command = [sys.executable, "-m", "bench.scale", "--targets", str(TARGETS), "--bins", str(BINS), "--uploads", "2"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("INDEXSITE_", "DJANGO_"))}
    done = subprocess.run(
        [*command, "--keep", str(tmp_path / "index"), "--results", str(results)],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(results.read_text())
    assert found["resign"]["bins"] == found["again"]["bins"] == BINS
    assert found["resign"]["bytes"] >= found["populate"]["bytes"] > TARGETS * 150  # nothing was lost on the way
    assert found["renew"]["roles"] >= BINS
    assert 20 < found["resign"]["peak"] < 1000
    assert 0 < found["weights"]["snapshot"] < found["weights"]["snapshot plain"]
    assert "| new | 1,517,722 bytes, 69 % |" in done.stdout


def test_generated_targets_are_different_and_each_has_its_bin() -> None:
    numbers = numbers_by_bin(TARGETS, bins=Bins(BINS))
    assert sorted(number for each in numbers.values() for number in each) == list(range(TARGETS))
    assert len({target_path(number) for number in range(TARGETS)}) == TARGETS
    for role, found in numbers.items():
        assert all(Bins(BINS).bin_of(target_of(number)[0]) == role for number in found)
    pages = [number for number in range(TARGETS) if target_path(number).endswith(f"/{INDEX_PAGE}")]
    assert pages == list(range(0, TARGETS, OF_A_PROJECT))


def test_overheads_are_by_the_formulas_of_the_pep() -> None:
    same, other, new = overheads({"bin": 54_349, "snapshot": 98_304, "unclaimed": 1_310_720})
    for each, percent in ((same, 5), (other, 9), (new, 69)):
        assert each.fetched == each.estimated
        assert round(each.percent) == round(each.estimated_percent) == percent
