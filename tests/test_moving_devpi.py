"""Moving in from devpi: a real server's export, and the odd entries that exports of other years may have."""

import json
import subprocess
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from packages.moving.devpi import read_devpi_export
from packages.moving.errors import CannotImportError
from tests.distributions import sdist, wheel
from tests.moving import YEAR_2001, import_report, lay_out
from tests.running import RunningIndex, ask, eventually, free_port, multipart
from tests.tools import tool

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FILES = [wheel("Team.Lib", "1.0"), sdist("team-lib", "1.0"), wheel("team-app", "2.0")]


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `devpi-export` writes of a devpi whose index team/dev has three files, and team/empty none."""
    folder, programs = tmp_path_factory.mktemp("devpi"), tool("devpi-server").parent
    state, port = ["--serverdir", str(folder / "state")], free_port()
    _run(programs / "devpi-init", *state, "--no-root-pypi")
    with open(folder / "log", "wb") as log:
        address = ["--host", "127.0.0.1", "--port", str(port), "--offline-mode"]
        server = subprocess.Popen([programs / "devpi-server", *state, *address], stdout=log, stderr=log)
    try:
        base = f"http://127.0.0.1:{port}"
        eventually(lambda: _answers(f"{base}/+api"), within=120, what="devpi")
        _fill(base)
    finally:
        server.terminate()
        server.wait(60)
    _run(programs / "devpi-export", *state, str(folder / "export"))
    return folder / "export"


def _run(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def _answers(url: str) -> bool:
    try:
        return ask(url, headers={"Accept": "application/json"}).status == 200
    except OSError:
        return False


def _fill(base: str) -> None:
    """Make a user with two indexes, and upload as twine does."""
    _call("PUT", f"{base}/team", {"password": "word"}, {})
    session = _call("POST", f"{base}/+login", {"user": "team", "password": "word"}, {})["result"]
    signed_in = {"X-Devpi-Auth": b64encode(f"team:{session['password']}".encode()).decode()}
    for index in ("dev", "empty"):
        _call("PUT", f"{base}/team/{index}", {"bases": []}, signed_in)
    for filename, content in FILES:
        name, version = filename.removesuffix(".tar.gz").split("-")[:2]
        kind = "bdist_wheel" if filename.endswith(".whl") else "sdist"
        fields = {":action": "file_upload", "name": name, "version": version, "filetype": kind, "pyversion": "3"}
        body, content_type = multipart({**fields, "metadata_version": "2.1"}, filename, content)
        sent = {**signed_in, "Content-Type": content_type}
        reply = ask(f"{base}/team/dev/", method="POST", headers=sent, body=body)
        assert reply.status == 200, reply.text


def _call(method: str, url: str, body: Mapping[str, object], headers: Mapping[str, str]) -> Any:  # Any: JSON
    sent = {"Content-Type": "application/json", "Accept": "application/json", **headers}
    reply = ask(url, method=method, headers=sent, body=json.dumps(body).encode())
    assert reply.status in {200, 201}, reply.text
    return reply.json()


def test_a_real_export_is_imported_with_its_upload_times(
    export: Path, module_index: RunningIndex, tmp_path: Path
) -> None:
    entries = json.loads((export / "dataindex.json").read_text())["indexes"]["team/dev"]["files"]
    said = {entry["relpath"].rpartition("/")[2]: entry["log"][0]["when"] for entry in entries}
    stray = wheel("stray", "1.0")  # which the export does not name
    (export / stray[0]).write_bytes(stray[1])
    report = import_report(module_index, export)
    assert (report["imported"], report["refused"], report["files"]) == (3, [], 3)
    module_index.wait_until_listed("team-lib", FILES[0][0], FILES[1][0])
    module_index.wait_until_listed("team-app", FILES[2][0])
    found = {
        file["filename"]: datetime.fromisoformat(file["upload-time"])
        for project in ("team-lib", "team-app")
        for file in module_index.page(project)["files"]
    }
    assert found == {name: datetime(*when[:6], tzinfo=UTC) for name, when in said.items()}  # type: ignore[misc]  # six numbers
    assert module_index.page("stray") is None
    assert import_report(module_index, export)["here"] == 3
    assert import_report(module_index, export, "--index", "team/empty")["files"] == 0


def written_export(folder: Path, indexes: Mapping[str, object], **more: object) -> Path:
    """An export by the form of its `dataindex.json`."""
    lay_out(folder, dict(FILES))
    document = {"dumpversion": "2", "users": {}, "indexes": indexes, **more}
    (folder / "dataindex.json").write_text(json.dumps(document))
    return folder.resolve()


def entry(relpath: object, **more: object) -> dict[str, object]:
    return {"type": "releasefile", "relpath": relpath, "projectname": "demo", "version": "1", **more}


def test_mirrors_are_imported_only_when_they_are_named(tmp_path: Path) -> None:
    names = [filename for filename, _ in FILES]
    indexes = {
        "root/pypi": {"indexconfig": {"type": "mirror"}, "files": [entry(names[0])]},
        "team/dev": {"indexconfig": {"type": "stage"}, "files": [entry(names[1])]},
    }
    top = written_export(tmp_path / "export", indexes)
    assert [file.path for file in read_devpi_export(top, indexes=[], now=NOW).files] == [names[1]]
    assert [file.path for file in read_devpi_export(top, indexes=["root/pypi"], now=NOW).files] == [names[0]]
    with pytest.raises(CannotImportError, match="no index team/other; it has root/pypi, team/dev"):
        read_devpi_export(top, indexes=["team/other"], now=NOW)


HTTP_DATE = "Sun, 09 Sep 2001 01:46:40 GMT"
TIMES = [
    (
        {"log": [{"what": "push", "when": [2020, 1, 1, 0, 0, 0]}, {"what": "upload", "when": [2011, 2, 3, 4, 5, 6]}]},
        2011,
    ),
    ({"log": [{"what": "upload", "when": [2011, 99]}], "entrymapping": {"last_modified": HTTP_DATE}}, 2001),
    ({"log": [{"what": "upload", "when": "2011"}, {}], "entrymapping": {"last_modified": HTTP_DATE}}, 2001),
    ({"log": [{"what": "upload", "when": [2999, 1, 1, 0, 0, 0]}]}, NOW.year),
    ({"log": [{"what": "upload", "when": [10**20, 1, 1, 0, 0, 0]}], "entrymapping": {"last_modified": 7}}, 2001),
    ({"log": 7, "entrymapping": {"last_modified": "Sun, 09 Sep 99999999999999999999 01:46:40 GMT"}}, 2001),
    ({"entrymapping": {"last_modified": "today"}}, 2001),  # when the file was written
    ({}, 2001),
]


@pytest.mark.parametrize(("more", "year"), TIMES)
def test_the_upload_time_is_the_best_that_the_export_knows(tmp_path: Path, more: dict[str, object], year: int) -> None:
    assert datetime.fromtimestamp(YEAR_2001, UTC).year == 2001
    top = written_export(tmp_path / "export", {"team/dev": {"files": [entry(FILES[0][0], **more)]}})
    [file] = read_devpi_export(top, indexes=[], now=NOW).files
    assert file.uploaded_at.year == year


def test_entries_cannot_lead_out_of_the_export(tmp_path: Path) -> None:
    lay_out(tmp_path, {"secret-1.0.tar.gz": b"x"})
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "linked-1.0.tar.gz").symlink_to(tmp_path / "secret-1.0.tar.gz")
    paths = ["../secret-1.0.tar.gz", str(tmp_path / "secret-1.0.tar.gz"), "linked-1.0.tar.gz", "gone-1.0.tar.gz", ".."]
    paths += ["nul\0-1.0.tar.gz", "caf\udce9-1.0.tar.gz"]
    files = [*map(entry, paths), entry(7), "nonsense", entry("demo.doc.zip") | {"type": "doczip"}]
    tree = read_devpi_export(written_export(tmp_path / "export", {"a/b": {"files": files}}), indexes=[], now=NOW)
    assert tree.files == []
    assert len(tree.skipped) == len(paths)
    assert r"caf\udce9-1.0.tar.gz" in dict(tree.skipped)
    assert tree.ignored == {"entries that name no file": 2, "documentation and test results": 1}


@pytest.mark.parametrize("files", [7, "files", {"a": 1}])
def test_an_index_whose_files_are_no_list_is_named_and_the_others_are_read(tmp_path: Path, files: object) -> None:
    good = {"files": [entry(FILES[0][0])], "indexconfig": "odd"}
    top = written_export(tmp_path / "export", {"a/bad": {"files": files}, "a/good": good})
    tree = read_devpi_export(top, indexes=[], now=NOW)
    assert [file.path for file in tree.files] == [FILES[0][0]]
    assert tree.skipped == [("dataindex.json, index a/bad", "its files are no list")]
    assert read_devpi_export(top, indexes=["a/good"], now=NOW).skipped == tree.skipped


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is not what devpi-export writes"),
        ("[]", "is not what devpi-export writes"),
        ('{"dumpversion": "2", "indexes": []}', "is not what devpi-export writes"),
        ('{"dumpversion": "2", "indexes": {"a/b": 1}}', "is not what devpi-export writes"),
        ('{"dumpversion": "7", "indexes": {}}', "has the format 7"),
    ],
)
def test_another_document_is_refused_in_words(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "dataindex.json").write_text(content)
    with pytest.raises(CannotImportError, match=said):
        read_devpi_export(tmp_path.resolve(), indexes=[], now=NOW)
