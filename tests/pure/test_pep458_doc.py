"""`docs/pep458.md` names tests; they exist."""

import re
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]


def test_every_test_that_the_table_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", (CHECKOUT / "docs" / "pep458.md").read_text()))
    files = [*CHECKOUT.glob("tests/**/test_*.py"), *CHECKOUT.glob("client/tests/test_*.py")]
    there = {name for file in files for name in re.findall(r"^def (test_\w+)", file.read_text(), re.MULTILINE)}
    assert len(named) > 30
    assert named - there == set()
