"""What an import writes, and that it may be killed and begun again: with a look into the database."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.distributions import wheel
from tests.moving import YEAR_2001, import_report, lay_out, run_import
from tests.parts import rows
from tests.running import RunningIndex, free_port
from tests.watching import readable_files

CRASH_STEPS = [
    "storage.write:half#3",
    "database.commit:before#3",
    "database.commit:after#3",
]
_STATE = (
    "SELECT filename, sha256, size, uploaded_at, release.created_at, project.name, project.stored_bytes,"
    " project.stored_files FROM packages_file"
    " JOIN packages_release AS release ON release.id = release_id"
    " JOIN packages_project AS project ON project.id = project_id ORDER BY filename"
)


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningIndex]:
    """A running index, whose database a test reads."""
    index = RunningIndex(tmp_path_factory.mktemp("embedded") / "data", free_port()).start()
    yield index
    index.stop()


def test_imported_files_are_journalled_as_such_and_publications_are_few(embedded: RunningIndex, tmp_path: Path) -> None:
    files = dict(wheel(f"many{number % 10}", f"1.{number}") for number in range(300))
    count = "SELECT count(*) FROM tufsigning_publication"
    before = rows(embedded.data, count)[0][0]
    assert import_report(embedded, lay_out(tmp_path / "tree", files))["imported"] == 300
    embedded.wait_until_settled()
    batches = 5  # of 64
    assert rows(embedded.data, count)[0][0] - before <= batches + 1
    acts = "SELECT act, actor, count(*) FROM packages_journalentry WHERE project LIKE 'many_' GROUP BY act, actor"
    assert set(rows(embedded.data, acts)) == {("file.imported", "admin", 300), ("project.created", "admin", 10)}
    assert "The journal is whole" in embedded.manage("journal_verify")
    created = rows(embedded.data, "SELECT min(created_at) FROM packages_release")[0][0]
    assert created.startswith("2001-09-09 01:46:40")
    assert not list((embedded.data / "store" / "incoming").iterdir())


@pytest.mark.parametrize("step", CRASH_STEPS)
def test_an_import_that_was_killed_is_run_again_and_ends_as_if_it_had_not_been(
    embedded: RunningIndex, tmp_path: Path, step: str
) -> None:
    prefix = "killed-" + quote(step, safe="").lower().replace("%", "x").replace(".", "-")
    files = dict(wheel(f"{prefix}-{number % 7}", f"1.{number}") for number in range(200))
    tree = lay_out(tmp_path / "tree", files)
    crash = {"CRASH_AT": step, "CRASH_IN": "import_files", "CRASH_MARK": str(tmp_path / "crashed")}
    killed = run_import(embedded, tree, DJANGO_SETTINGS_MODULE="tests.settings_crashing", **crash)
    assert killed.returncode == -9
    assert (tmp_path / "crashed").exists()
    done = {row[0] for row in rows(embedded.data, _STATE) if row[5].startswith(prefix)}
    assert len(done) == (192 if step == "database.commit:after#3" else 128)
    report = import_report(embedded, tree)
    assert (report["here"], report["imported"], report["refused"]) == (len(done), 200 - len(done), [])
    embedded.wait_until_settled()
    found = [row for row in rows(embedded.data, _STATE) if row[5].startswith(prefix)]
    assert found == sorted(
        (name, hashlib.sha256(content).hexdigest(), len(content), time, time, *of_project(files, name))
        for number, (name, content) in enumerate(files.items())
        for time in [str(datetime.fromtimestamp(YEAR_2001 + number, UTC).replace(tzinfo=None))]
    )
    acts = f"SELECT act, count(*) FROM packages_journalentry WHERE project LIKE '{prefix}%' GROUP BY act"
    assert dict(rows(embedded.data, acts)) == {"file.imported": 200, "project.created": 7}
    assert {file for number in range(7) for file in readable_files(embedded, f"{prefix}-{number}")} == set(files)


def of_project(files: dict[str, bytes], filename: str) -> tuple[str, int, int]:
    """The project of a file, with how many bytes and files it has."""
    start = filename.partition("-")[0]
    sizes = [len(content) for name, content in files.items() if name.startswith(f"{start}-")]
    return start.replace("_", "-"), sum(sizes), len(sizes)


def test_the_oldest_files_come_first(embedded: RunningIndex, tmp_path: Path) -> None:
    (new, new_content), (old, old_content) = wheel("aged", "2.0"), wheel("aged", "1.0")
    lay_out(tmp_path / "tree", {f"a/{new}": new_content}, first=YEAR_2001 + 1000)
    assert import_report(embedded, lay_out(tmp_path / "tree", {f"z/{old}": old_content}))["imported"] == 2
    ordered = "SELECT filename FROM packages_file WHERE filename LIKE 'aged-%' ORDER BY id"
    assert rows(embedded.data, ordered) == [(old,), (new,)]
